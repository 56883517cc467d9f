// Attention over a past of fixed capacity, for head sizes up to 256. The new keys and values are in the cache already. One
// workgroup of 64 owns one query row of one head and walks the positions up to its own, 64 at a time, with the online softmax
// of a text before this one. Nothing beyond the query's own position is read.

var<workgroup> query: array<vec4<f32>, D4>;
var<workgroup> past: u32; // the length, so that the compiler sees that all lanes agree on it

fn fetch_q(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_q(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_q(row * params.d + c * 4u + j); }
  }
  return value;
}

fn value_at(place: u32, c: u32) -> vec4<f32> { return fetch_value(place, c); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = linear_workgroup(workgroup); // (b, h, t)
  if (line >= params.lines) { return; }
  let batch = line / (params.h * params.t);
  let head = line / params.t % params.h;
  if (lane == 0u) { past = u32(clamp(load_length(0u), 0, i32(params.c - params.t))); }
  let length = workgroupUniformLoad(&past);
  let own = length + line % params.t;
  let padding = load_padding(batch);
  for (var c = lane; c < D4; c += 64u) { query[c] = fetch_q(line, c); }
  workgroupBarrier();
  for (var first = 0u; first <= own; first += 64u) {
    let position = first + lane;
    var score = lowest;
    if (position <= own) {
      let place = place_of(batch, head, position, length);
      places[lane] = place;
      var products = vec4<f32>();
      for (var c = 0u; c < D4; c++) { products += query[c] * fetch_key(place, c); }
      score = dot(products, vec4<f32>(params.scale));
      if (i32(position) < padding) { score = masked; }
    }
    weigh(lane, score, min(64u, own + 1u - first), D4);
  }
  let value = weighed(lane) / total;
  for (var j = 0u; j < 4u; j++) {
    let at = lane * 4u + j;
    if (at < params.d) { store_out(line * params.d + at, value[j]); }
  }
}
