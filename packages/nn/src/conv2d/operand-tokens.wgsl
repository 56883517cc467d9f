// Stands before the tiles of a 1 × 1 convolution: what a transformer wrote, [n positions c], four neighbouring channels of a position.

override TOKENS_VECTOR: bool = false; // c divides by four

fn fetch_b(image: u32, position: u32, p: u32) -> vec4<f32> {
  if (position >= params.n || p >= params.k) { return vec4<f32>(); }
  let at = (image * params.n + position) * params.c + p;
  if (TOKENS_VECTOR) { return load4_x(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && p + j < params.k; j++) { value[j] = load_x(at + j); }
  return value;
}
