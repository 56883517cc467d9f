// Stands before the tiles of a gated product whose one weight [2n k] holds values before gates.

fn fetch_gate(row: u32, p: u32) -> vec4<f32> { return fetch_w(params.n / 2u + row, p); }

fn gate_bias(row: u32) -> f32 { return load_bias(params.n / 2u + row); }
