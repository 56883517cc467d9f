// Stands before the tiles of a gradient of a convolution: the weight's. Rows are output channels, columns run over (c, ky, kx),
// the inner dimension over the output positions of all images: dy [n o oh ow] as it lies, and what each position saw of
// x [n c h w] through a place of the kernel, zero beyond the border. VECTOR: positions of an image divide by four.

override VECTOR: bool = false;

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return 0u; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (row >= params.m || p >= params.k) { return value; }
  let area = params.oh * params.ow;
  if (VECTOR) { return load4_dy(((p / area * params.m + row) * area + p % area) / 4u); }
  for (var j = 0u; j < 4u; j++) {
    let at = p + j;
    if (at < params.k) { value[j] = load_dy((at / area * params.m + row) * area + at % area); }
  }
  return value;
}

fn fetch_b(start: u32, p: u32, column: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (p >= params.k) { return value; }
  let area = params.oh * params.ow;
  let y = p % area / params.ow * params.sh;
  let x = p % params.ow * params.sw;
  for (var j = 0u; j < 4u; j++) {
    let at = column + j;
    let plane = p / area * params.c + at / (params.kw * params.kh);
    let iy = y + at / params.kw % params.kh - params.top; // wraps below zero, and is then too large
    let ix = x + at % params.kw - params.left;
    if (at < params.n && iy < params.h && ix < params.w) {
      value[j] = load_x((plane * params.h + iy) * params.w + ix);
    }
  }
  return value;
}
