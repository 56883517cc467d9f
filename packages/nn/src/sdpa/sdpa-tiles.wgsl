// Flash attention for any head size (Dao et al., 2022): out = softmax(scale · q kᵀ + bias) v without ever storing the
// scores. One workgroup of 64 owns eight query rows of one head, eight lanes a row. It walks the keys in tiles: keys
// into workgroup memory, each lane scores every eighth key of the tile for its row; the row's running maximum and sum are
// brought up to date (online softmax); values into the same memory, and each lane adds to every eighth vector of its
// row's result, which stays in registers. All sums are f32. Head sizes are padded to vectors of four with zeros.
// Masked scores are a finite number, so a row with everything masked has even weights. Where heads lie, and what is added to
// scores, say the texts before this one.

override KEYS: u32; // of a tile
override TILE: u32; // KEYS · max(D4, E4)
override SCORES: u32; // 8 · KEYS
override CAUSAL: bool = false;

const masked = -1.7e38;
const lowest = -0x1.fffffep+127f; // of all finite numbers

var<workgroup> tile: array<vec4<f32>, TILE>;
var<workgroup> weights: array<f32, SCORES>;
var<workgroup> folded: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = linear_workgroup(workgroup);
  if (group >= params.groups) { return; }
  let blocks = (params.t + 7u) / 8u;
  let head = group / blocks; // of all heads of all batches
  let top = group % blocks * 8u;
  let line = lane / 8u;
  let part = lane % 8u;
  let row = min(top + line, params.t - 1u);
  let bias = bias_start(head, row);
  var end = params.s;
  if (CAUSAL && !biased) { end = min(params.s, top + 8u); }
  var sums: array<vec4<f32>, 16>;
  var best = lowest;
  var total = 0.0;
  for (var first = 0u; first < end; first += KEYS) {
    for (var i = lane; i < KEYS * D4; i += 64u) {
      let key = first + i / D4;
      if (key < params.s) { tile[i] = fetch_k(k_line(head, key), i % D4); }
    }
    workgroupBarrier();
    var highest = lowest;
    for (var j = part; j < KEYS; j += 8u) {
      let key = first + j;
      if (key >= params.s) { continue; }
      var products = vec4<f32>();
      for (var c = 0u; c < D4; c++) { products += fetch_q(q_line(head, row), c) * tile[j * D4 + c]; }
      var score = dot(products, vec4<f32>(params.scale)) + bias_of(bias, key);
      if (CAUSAL && key > row) { score = masked; }
      weights[line * KEYS + j] = score;
      highest = max(highest, score);
    }
    folded[lane] = highest;
    workgroupBarrier();
    for (var i = 0u; i < 8u; i++) { highest = max(highest, folded[line * 8u + i]); }
    let updated = max(best, highest);
    workgroupBarrier();
    var share = 0.0;
    for (var j = part; j < KEYS; j += 8u) {
      var weight = 0.0;
      if (first + j < params.s) { weight = exp(weights[line * KEYS + j] - updated); }
      weights[line * KEYS + j] = weight;
      share += weight;
    }
    folded[lane] = share;
    for (var i = lane; i < KEYS * E4; i += 64u) {
      let key = first + i / E4;
      if (key < params.s) { tile[i] = fetch_v(v_line(head, key), i % E4); }
    }
    workgroupBarrier();
    let shrink = exp(best - updated);
    best = updated;
    total *= shrink;
    for (var i = 0u; i < 8u; i++) { total += folded[line * 8u + i]; }
    let count = min(KEYS, params.s - first);
    var n = 0u;
    for (var c = part; c < E4; c += 8u) {
      var sum = sums[n] * shrink;
      for (var j = 0u; j < count; j++) { sum += weights[line * KEYS + j] * tile[j * E4 + c]; }
      sums[n] = sum;
      n += 1u;
    }
    workgroupBarrier();
  }
  if (top + line >= params.t) { return; }
  var n = 0u;
  for (var c = part; c < E4; c += 8u) {
    let value = sums[n] / total;
    n += 1u;
    for (var j = 0u; j < 4u; j++) {
      if (c * 4u + j < params.e) { store_out(out_line(head, row) * params.e + c * 4u + j, value[j]); }
    }
  }
  if (part == 0u) { store_logsumexp(head * params.t + row, best + log(total)); }
}
