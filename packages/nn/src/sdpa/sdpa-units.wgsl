// Flash attention on matrix units, for heads of up to 160 (Dao et al., 2022): out = softmax(scale · q kᵀ + bias) v without ever
// storing the scores. Queries, keys, values and weights are rounded to f16, sums are f32. One workgroup of four subgroups owns
// 64 query rows of one head, a subgroup sixteen of them, whose queries stay in registers as matrices of 16 × 16. It walks the
// keys 32 at a time, twice: what units have summed cannot be scaled afterwards, so the first walk finds the maximum and the
// total of each row, the second weights that are final, and adds weighted values. Scores go through workgroup memory, where
// two lanes share a row. Masked scores are a finite number, so a row with everything masked has even weights. Where heads lie,
// and what is added to scores, say the texts before this one.

override D16: u32; // matrices across a query or key, at most 10
override E16: u32; // matrices across a value, at most 10
override CAUSAL: bool = false;

const masked = -1.7e38;
const lowest = -0x1.fffffep+127f; // of all finite numbers
const span = 32u; // keys of a step

var<workgroup> tile: array<vec4<f16>, 1344>; // 32 keys or values, or 64 queries, in lines two vectors longer than they hold
var<workgroup> scores: array<f32, 2048>; // 64 rows × 32 keys
var<workgroup> weights: array<vec4<f16>, 640>; // 64 rows of 8 vectors
var<workgroup> folded: array<vec2<f32>, 128>;

fn bring_keys(head: u32, first: u32, lane: u32) {
  for (var i = lane; i < span * D16 * 4u; i += 128u) {
    let key = first + i / (D16 * 4u);
    let c = i % (D16 * 4u);
    var value = vec4<f32>();
    if (key < params.s && c < D4) { value = fetch_k(k_line(head, key), c); }
    tile[i / (D16 * 4u) * (D16 * 4u + 2u) + c] = half(value);
  }
}

fn bring_values(head: u32, first: u32, lane: u32) {
  for (var i = lane; i < span * E16 * 4u; i += 128u) {
    let key = first + i / (E16 * 4u);
    let c = i % (E16 * 4u);
    var value = vec4<f32>();
    if (key < params.s && c < E4) { value = fetch_v(v_line(head, key), c); }
    tile[i / (E16 * 4u) * (E16 * 4u + 2u) + c] = half(value);
  }
}

@compute @workgroup_size(128) @subgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let group = linear_workgroup(workgroup);
  if (group >= params.groups) { return; }
  let blocks = (params.t + 63u) / 64u;
  let head = group / blocks; // of all heads of all batches
  let top = group % blocks * 64u;
  let own = subgroup * 16u; // the subgroup's first row
  let line = lane / 2u;
  let part = lane % 2u * 16u; // the lane's first key of a step
  let row = min(top + line, params.t - 1u);
  let bias = bias_start(head, row);

  var queries: array<subgroup_matrix_left<f16, 16, 16>, 10>;
  for (var d = 0u; d < D16; d++) {
    if (d % 4u == 0u) {
      workgroupBarrier();
      for (var i = lane; i < 1024u; i += 128u) {
        let c = d * 4u + i % 16u;
        var value = vec4<f32>();
        if (top + i / 16u < params.t && c < D4) { value = fetch_q(q_line(head, top + i / 16u), c); }
        tile[i / 16u * 18u + i % 16u] = half(value);
      }
      workgroupBarrier();
    }
    queries[d] = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tile, own * 18u + d % 4u * 4u, 18u);
  }
  workgroupBarrier();

  var end = params.s;
  if (CAUSAL && !biased) { end = min(params.s, top + 64u); }
  var best = lowest;
  var total = 0.0;
  var sums: array<subgroup_matrix_result<f32, 16, 16>, 10>;
  for (var walk = 0u; walk < 2u; walk++) {
    for (var first = 0u; first < end; first += span) {
      bring_keys(head, first, lane);
      workgroupBarrier();
      for (var n = 0u; n < 2u; n++) {
        var products = subgroup_matrix_result<f32, 16, 16>();
        for (var d = 0u; d < D16; d++) {
          let keys = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&tile, n * 16u * (D16 * 4u + 2u) + d * 4u, D16 * 4u + 2u);
          products = subgroupMatrixMultiplyAccumulate(queries[d], keys, products);
        }
        subgroupMatrixStore<row_major>(&scores, own * span + n * 16u, products, span);
      }
      workgroupBarrier();
      var own_scores: array<vec4<f32>, 4>;
      var highest = best;
      for (var j = 0u; j < 16u; j++) {
        let key = first + part + j;
        var score = lowest;
        if (key < params.s) {
          score = scores[line * span + part + j] * params.scale + bias_of(bias, key);
          if (CAUSAL && key > row) { score = masked; }
          highest = max(highest, score);
        }
        own_scores[j / 4u][j % 4u] = score;
      }
      let count = min(16u, params.s - min(params.s, first + part)); // keys that there are
      if (walk == 0u) {
        total *= exp(best - highest);
        for (var j = 0u; j < count; j++) { total += exp(own_scores[j / 4u][j % 4u] - highest); }
        best = highest;
      } else {
        for (var q = 0u; q < 4u; q++) {
          var four = exp(own_scores[q] - best) / total;
          for (var j = 0u; j < 4u; j++) { if (q * 4u + j >= count) { four[j] = 0.0; } }
          weights[line * 10u + part / 4u + q] = half(four);
        }
        bring_values(head, first, lane);
        workgroupBarrier();
        for (var n = 0u; n < 2u; n++) {
          let left = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&weights, own * 10u + n * 4u, 10u);
          for (var e = 0u; e < E16; e++) {
            let values = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tile, n * 16u * (E16 * 4u + 2u) + e * 4u, E16 * 4u + 2u);
            sums[e] = subgroupMatrixMultiplyAccumulate(left, values, sums[e]);
          }
        }
      }
      workgroupBarrier();
    }
    if (walk == 0u) { // the two lanes of a row agree
      folded[lane] = vec2<f32>(best, total);
      workgroupBarrier();
      let other = folded[lane ^ 1u];
      let highest = max(best, other.x);
      total = total * exp(best - highest) + other.y * exp(other.x - highest);
      best = highest;
    }
  }

  for (var e = 0u; e < E16; e++) {
    subgroupMatrixStore<row_major>(&scores, own * span + e % 2u * 16u, sums[e], span);
    if (e % 2u == 0u && e + 1u < E16) { continue; }
    workgroupBarrier();
    for (var j = 0u; j < 16u; j++) {
      let column = e / 2u * 32u + part + j;
      if (top + line < params.t && column < params.e) {
        store_out(out_line(head, row) * params.e + column, scores[line * span + part + j]);
      }
    }
    workgroupBarrier();
  }
  if (top + line < params.t && part == 0u) { store_logsumexp(head * params.t + row, best + log(total)); }
}
