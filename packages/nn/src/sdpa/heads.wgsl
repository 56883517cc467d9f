// Stands before a kernel of attention: four elements of a query, key or value at a time, zero beyond the end of a head.

override D4: u32; // vectors of a query or key
override E4: u32; // vectors of a value
override VECTOR: bool = false; // head sizes divide by four

fn fetch_q(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_q(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && c * 4u + j < params.d; j++) { value[j] = load_q(row * params.d + c * 4u + j); }
  return value;
}

fn fetch_k(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_k(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && c * 4u + j < params.d; j++) { value[j] = load_k(row * params.d + c * 4u + j); }
  return value;
}

fn fetch_v(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_v(row * E4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && c * 4u + j < params.e; j++) { value[j] = load_v(row * params.e + c * 4u + j); }
  return value;
}
