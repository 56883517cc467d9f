// Stands before the tiles of a product of matrices [b …]: where those of a batch begin. A step of zero repeats the one there is.

fn start_a(batch: u32) -> u32 { return batch * params.a_step; }

fn start_b(batch: u32) -> u32 { return batch * params.b_step; }
