// Stands before a kernel of a product: row `row` of x is the patch of a token of a picture [n c h w], four elements of
// (channel, ky, kx) at a time, zero beyond the border and for the token of the whole.

override VECTOR: bool = false; // of the weight: the elements of a patch divide by four

fn fetch_x(row: u32, p: u32) -> vec4<f32> {
  var value = vec4<f32>();
  let token = row % params.tokens;
  if (row >= params.m || p >= params.k || token == 0u) { return value; }
  let image = row / params.tokens * params.c;
  let y = (token - 1u) / params.columns * params.sh;
  let x = (token - 1u) % params.columns * params.sw;
  for (var j = 0u; j < 4u; j++) {
    let at = p + j;
    let plane = at / (params.kw * params.kh);
    let iy = y + at / params.kw % params.kh - params.top; // wraps below zero, and is then too large
    let ix = x + at % params.kw - params.left;
    if (at < params.k && iy < params.h && ix < params.w) {
      value[j] = load_x(((image + plane) * params.h + iy) * params.w + ix);
    }
  }
  return value;
}
