// Stands before the tiles of a gradient of a convolution: the input's. Rows are input channels, columns the positions of an
// image, the inner dimension runs over (o, ky, kx): weight [o c kh kw] turned, and what dy [n o oh ow] holds of the outputs
// into which a position went through a place of the kernel, zero where there is none.

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return batch; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (row >= params.m) { return value; }
  let area = params.kh * params.kw;
  for (var j = 0u; j < 4u; j++) {
    let at = p + j;
    if (at < params.k) { value[j] = load_weight((at / area * params.m + row) * area + at % area); }
  }
  return value;
}

fn fetch_b(image: u32, p: u32, column: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (p >= params.k) { return value; }
  let kx = p % params.kw;
  let ky = p / params.kw % params.kh;
  let plane = (image * params.o + p / (params.kw * params.kh)) * params.oh;
  for (var j = 0u; j < 4u; j++) {
    let at = column + j;
    let y = at / params.w + params.top - ky; // wraps below zero, and is then too large
    let x = at % params.w + params.left - kx;
    let meets = y % params.sh == 0u && x % params.sw == 0u && y / params.sh < params.oh && x / params.sw < params.ow;
    if (at < params.n && meets) { value[j] = load_dy((plane + y / params.sh) * params.ow + x / params.sw); }
  }
  return value;
}
