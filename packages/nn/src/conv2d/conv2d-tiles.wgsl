// Stands before the tiles of y [n o positions] = x [n c h w] convolved with weight [o c·kh·kw], as an implicit matrix product for
// each image: rows are output channels, columns are output positions, and the inner dimension runs over (c, ky, kx). Four
// neighbours of a row of weight are read at a time; what is read of x says a text before this one. Sums are finished as
// `finish` says.

override VECTOR: bool = false; // the inner dimension divides by four

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return batch; }

fn weight_rows() -> u32 { return params.m; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> { return fetch_w(row, p); }

fn keep(sheet: u32, channel: u32, position: u32, sums: vec4<f32>) {
  let image = sheet % params.batch;
  for (var j = 0u; j < 4u; j++) {
    let at = position + j * apart;
    if (at < params.n) { store_y(place(sheet, channel, at), finish(sums[j], image, channel, at)); }
  }
}
