// Backward pass of attention without ever storing the scores (Dao et al., "FlashAttention", 2022, appendix B.2). The same
// text runs twice, since the two halves mirror each other. With OWN_KEYS off, rows are queries (a = q, b = dout), they walk
// over keys (c = k, d = v), and da = dq. With OWN_KEYS on, rows are keys (a = k, b = v), they walk over queries (c = q,
// d = dout), da = dk and db = dv. Weights are recomputed from the queries' statistics, logsumexp and δ: w = exp(score − logsumexp),
// or even where everything is hidden, since the logarithm is lost beside the score of a hidden key; and s = w · (dout · v − δ) is
// the cotangent of the score, which the pass over queries can also store.
//
// One workgroup of 64 owns eight rows of one head, eight lanes a row. The other side comes in tiles: c and d into workgroup
// memory, each lane finds w and s of every eighth element of the tile for its row, then adds to every eighth vector of its
// row's results, which stay in registers. All sums are f32; widths are padded to vectors of four with zeros.

override A4: u32; // vectors of a query or key, at most 64
override B4: u32; // vectors of a value, at most 64
override SPAN: u32; // elements of a tile
override TILE_C: u32; // SPAN · A4
override TILE_D: u32; // SPAN · B4
override PAIRS: u32; // 8 · SPAN
override CAUSAL: bool = false;
override OWN_KEYS: bool = false;
override VECTOR: bool = false; // head sizes divide by four

const masked = -1.7e38;

var<workgroup> tile_c: array<vec4<f32>, TILE_C>;
var<workgroup> tile_d: array<vec4<f32>, TILE_D>;
var<workgroup> weights: array<f32, PAIRS>;
var<workgroup> slopes: array<f32, PAIRS>;

fn fetch_a(row: u32, v: u32) -> vec4<f32> {
  if (VECTOR) { return load4_a(row * A4 + v); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (v * 4u + j < params.a) { value[j] = load_a(row * params.a + v * 4u + j); } }
  return value;
}

fn fetch_b(row: u32, v: u32) -> vec4<f32> {
  if (VECTOR) { return load4_b(row * B4 + v); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (v * 4u + j < params.b) { value[j] = load_b(row * params.b + v * 4u + j); } }
  return value;
}

fn fetch_c(row: u32, v: u32) -> vec4<f32> {
  if (VECTOR) { return load4_c(row * A4 + v); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (v * 4u + j < params.a) { value[j] = load_c(row * params.a + v * 4u + j); } }
  return value;
}

fn fetch_d(row: u32, v: u32) -> vec4<f32> {
  if (VECTOR) { return load4_d(row * B4 + v); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) { if (v * 4u + j < params.b) { value[j] = load_d(row * params.b + v * 4u + j); } }
  return value;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = linear_workgroup(workgroup);
  if (group >= params.groups) { return; }
  let blocks = (params.rows + 7u) / 8u;
  let head = group / blocks; // of all heads of all batches
  let top = group % blocks * 8u;
  let line = lane / 8u;
  let part = lane % 8u;
  let row = min(top + line, params.rows - 1u);
  let own = head * params.rows + row;
  let bias_at = head / params.h * params.bias_b + head % params.h * params.bias_h;
  var da: array<vec4<f32>, 8>;
  var db: array<vec4<f32>, 8>;
  var begin = 0u;
  var end = params.others;
  if (CAUSAL && !has_bias && !has_dscores) { // what a query may not see has no weight
    if (OWN_KEYS) { begin = top / SPAN * SPAN; } else { end = min(end, top + 8u); }
  }
  for (var first = begin; first < end; first += SPAN) {
    for (var i = lane; i < TILE_C; i += 64u) {
      let other = first + i / A4;
      if (other < params.others) { tile_c[i] = fetch_c(head * params.others + other, i % A4); }
    }
    for (var i = lane; i < TILE_D; i += 64u) {
      let other = first + i / B4;
      if (other < params.others) { tile_d[i] = fetch_d(head * params.others + other, i % B4); }
    }
    workgroupBarrier();
    for (var j = part; j < SPAN; j += 8u) {
      let other = first + j;
      if (other >= params.others) { continue; }
      let query = select(row, other, OWN_KEYS);
      let key = select(other, row, OWN_KEYS);
      let queries = select(params.rows, params.others, OWN_KEYS);
      let keys = select(params.others, params.rows, OWN_KEYS);
      var products = vec4<f32>();
      for (var v = 0u; v < A4; v++) { products += fetch_a(own, v) * tile_c[j * A4 + v]; }
      var score = dot(products, vec4<f32>(params.scale))
        + max(load_bias(bias_at + query * params.bias_t + key * params.bias_s), masked);
      if (CAUSAL && key > query) { score = masked; }
      var slope = vec4<f32>();
      for (var v = 0u; v < B4; v++) { slope += fetch_b(own, v) * tile_d[j * B4 + v]; }
      let line_of_query = head * queries + query;
      let logsumexp = load_statistics(line_of_query * 2u);
      let weight = select(exp(score - logsumexp), 1.0 / f32(keys), logsumexp < 0.5 * masked);
      let cotangent = weight * (dot(slope, vec4<f32>(1.0)) - load_statistics(line_of_query * 2u + 1u));
      weights[line * SPAN + j] = weight;
      slopes[line * SPAN + j] = cotangent;
      if (top + line < params.rows) { store_dscores(line_of_query * keys + key, cotangent); }
    }
    workgroupBarrier();
    let count = min(SPAN, params.others - first);
    var n = 0u;
    for (var v = part; v < A4; v += 8u) {
      var sum = da[n];
      for (var j = 0u; j < count; j++) { sum += slopes[line * SPAN + j] * tile_c[j * A4 + v]; }
      da[n] = sum;
      n += 1u;
    }
    if (has_db) {
      n = 0u;
      for (var v = part; v < B4; v += 8u) {
        var sum = db[n];
        for (var j = 0u; j < count; j++) { sum += weights[line * SPAN + j] * tile_d[j * B4 + v]; }
        db[n] = sum;
        n += 1u;
      }
    }
    workgroupBarrier();
  }
  if (top + line >= params.rows) { return; }
  var n = 0u;
  for (var v = part; v < A4; v += 8u) {
    let value = da[n] * params.scale;
    n += 1u;
    for (var j = 0u; j < 4u; j++) { if (v * 4u + j < params.a) { store_da(own * params.a + v * 4u + j, value[j]); } }
  }
  if (has_db) {
    n = 0u;
    for (var v = part; v < B4; v += 8u) {
      let value = db[n];
      n += 1u;
      for (var j = 0u; j < 4u; j++) { if (v * 4u + j < params.b) { store_db(own * params.b + v * 4u + j, value[j]); } }
    }
  }
}
