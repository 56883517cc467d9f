// Stands before a kernel of attention over a cache [b h c d]: where a position of a row lies, and how its keys and values are
// read, four elements at a time. A position below the length is read from the row of the cache that the table names.

override D4: u32; // vectors of a head
override VECTOR: bool = false; // head sizes divide by four

fn place_of(batch: u32, head: u32, position: u32, length: u32) -> u32 {
  var row = batch;
  if (has_rows && position < length) {
    row = u32(clamp(i32(load_rows(batch * params.c + position)), 0, i32(params.b) - 1));
  }
  return (row * params.h + head) * params.c + position;
}

fn fetch_key(place: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_keys(place * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && c * 4u + j < params.d; j++) { value[j] = load_keys(place * params.d + c * 4u + j); }
  return value;
}

fn fetch_value(place: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_values(place * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && c * 4u + j < params.d; j++) { value[j] = load_values(place * params.d + c * 4u + j); }
  return value;
}
