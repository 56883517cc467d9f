// Attention for few queries, as in decoding, for value sizes up to 256. One workgroup of 64 owns one query row of one
// head and walks the keys 64 at a time: each lane scores one key, the running maximum and sum are brought up to date
// (online softmax), then the lanes share out the vectors of the result, several lanes to one vector where there are
// lanes to spare. All sums are f32. Masked scores are a finite number, so a row with everything masked has even weights.
// Where heads lie, and what is added to scores, say the texts before this one.

override D4: u32; // vectors of a query or key
override E4: u32; // vectors of a value
override SPAN: u32; // E4 rounded up to a power of two, at most 64
override CAUSAL: bool = false;
override VECTOR: bool = false; // head sizes divide by four

const masked = -1.7e38;
const lowest = -3.4e38;

var<workgroup> query: array<vec4<f32>, D4>;
var<workgroup> scores: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> results: array<vec4<f32>, 64>;

fn fetch_q(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_q(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_q(row * params.d + c * 4u + j); }
  }
  return value;
}

fn fetch_k(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_k(row * D4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_k(row * params.d + c * 4u + j); }
  }
  return value;
}

fn fetch_v(row: u32, c: u32) -> vec4<f32> {
  if (VECTOR) { return load4_v(row * E4 + c); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.e) { value[j] = load_v(row * params.e + c * 4u + j); }
  }
  return value;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = linear_workgroup(workgroup); // a query row of any head
  if (line >= params.groups) { return; }
  let head = line / params.t;
  let row = line % params.t;
  let bias = bias_start(head, row);
  for (var c = lane; c < D4; c += 64u) { query[c] = fetch_q(q_line(head, row), c); }
  workgroupBarrier();
  let vector = lane % SPAN;
  let part = lane / SPAN;
  let parts = 64u / SPAN;
  var sum = vec4<f32>();
  var best = lowest;
  var total = 0.0;
  for (var first = 0u; first < params.s; first += 64u) {
    let key = first + lane;
    let count = min(64u, params.s - first);
    var score = lowest;
    if (key < params.s) {
      var products = vec4<f32>();
      for (var c = 0u; c < D4; c++) { products += query[c] * fetch_k(k_line(head, key), c); }
      score = dot(products, vec4<f32>(params.scale)) + bias_of(bias, key);
      if (CAUSAL && key > row) { score = masked; }
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
    if (vector < E4) {
      for (var j = part; j < count; j += parts) { sum += weights[j] * fetch_v(v_line(head, first + j), vector); }
    }
    workgroupBarrier();
  }
  results[lane] = sum;
  workgroupBarrier();
  if (lane < E4) {
    var value = vec4<f32>();
    for (var i = 0u; i < parts; i++) { value += results[i * SPAN + lane]; }
    value /= total;
    for (var j = 0u; j < 4u; j++) {
      if (lane * 4u + j < params.e) { store_out(out_line(head, row) * params.e + lane * 4u + j, value[j]); }
    }
  }
  if (lane == 0u) { store_logsumexp(line, best + log(total)); }
}
