// Attention over a past of fixed capacity, for head sizes up to 256. The new keys and values are in the cache already. One
// workgroup of 64 owns one query row of one head and walks the positions up to its own, 64 at a time: each lane scores one
// position, the running maximum and sum are brought up to date (online softmax, Dao et al., 2022), then the lanes share
// out the vectors of the result, several lanes to one vector where there are lanes to spare. A position below the length
// is read from the row of the cache that the table names. Nothing beyond the query's own position is read. Sums are f32.

override D4: u32; // vectors of a head
override SPAN: u32; // D4 rounded up to a power of two, at most 64
override VECTOR: bool = false; // head sizes divide by four

const masked = -1.7e38;
const lowest = -3.4e38;

var<workgroup> query: array<vec4<f32>, D4>;
var<workgroup> scores: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> places: array<u32, 64>;
var<workgroup> results: array<vec4<f32>, 64>;
var<workgroup> past: u32; // the length, so that the compiler sees that all lanes agree on it

fn fetch_q(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_q(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_q(row * params.d + c * 4u + j); }
  }
  return value;
}

fn fetch_key(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_keys(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_keys(row * params.d + c * 4u + j); }
  }
  return value;
}

fn fetch_value(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_values(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_values(row * params.d + c * 4u + j); }
  }
  return value;
}

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
  let vector = lane % SPAN;
  let part = lane / SPAN;
  let parts = 64u / SPAN;
  var sum = vec4<f32>();
  var best = lowest;
  var total = 0.0;
  for (var first = 0u; first <= own; first += 64u) {
    let position = first + lane;
    let count = min(64u, own + 1u - first);
    var score = lowest;
    if (position <= own) {
      var source = batch;
      if (has_rows && position < length) { source = u32(clamp(i32(load_rows(batch * params.c + position)), 0, i32(params.b) - 1)); }
      let place = (source * params.h + head) * params.c + position;
      places[lane] = place;
      var products = vec4<f32>();
      for (var c = 0u; c < D4; c++) { products += query[c] * fetch_key(place, c); }
      score = dot(products, vec4<f32>(params.scale));
      if (i32(position) < padding) { score = masked; }
    }
    scores[lane] = score;
    workgroupBarrier();
    var updated = best;
    for (var j = 0u; j < count; j++) { updated = max(updated, scores[j]); }
    weights[lane] = exp(score - updated);
    workgroupBarrier();
    let shrink = exp(best - updated);
    best = updated;
    total *= shrink;
    for (var j = 0u; j < count; j++) { total += weights[j]; }
    sum *= shrink;
    if (vector < D4) {
      for (var j = part; j < count; j += parts) { sum += weights[j] * fetch_value(places[j], vector); }
    }
    workgroupBarrier();
  }
  results[lane] = sum;
  workgroupBarrier();
  if (lane >= D4) { return; }
  var value = vec4<f32>();
  for (var i = 0u; i < parts; i++) { value += results[i * SPAN + lane]; }
  value /= total;
  for (var j = 0u; j < 4u; j++) {
    if (lane * 4u + j < params.d) { store_out(line * params.d + lane * 4u + j, value[j]); }
  }
}
