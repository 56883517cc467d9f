// Attention for few queries, as in decoding, for value sizes up to 256. One workgroup of 64 owns one query row of one head and
// walks the keys 64 at a time, with the online softmax of the text before this one. Where heads lie, and what is added to
// scores, say others before it.

override CAUSAL: bool = false;

var<workgroup> query: array<vec4<f32>, D4>;

fn value_at(row: u32, c: u32) -> vec4<f32> { return fetch_v(row, c); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = linear_workgroup(workgroup); // a query row of any head
  if (line >= params.groups) { return; }
  let head = line / params.t;
  let row = line % params.t;
  let bias = bias_start(head, row);
  for (var c = lane; c < D4; c += 64u) { query[c] = fetch_q(q_line(head, row), c); }
  workgroupBarrier();
  for (var first = 0u; first < params.s; first += 64u) {
    let key = first + lane;
    var score = lowest;
    if (key < params.s) {
      var products = vec4<f32>();
      for (var c = 0u; c < D4; c++) { products += query[c] * fetch_k(k_line(head, key), c); }
      score = dot(products, vec4<f32>(params.scale)) + bias_of(bias, key);
      if (CAUSAL && key > row) { score = masked; }
      places[lane] = v_line(head, key);
    }
    weigh(lane, score, min(64u, params.s - first), E4);
  }
  let value = weighed(lane) / total;
  for (var j = 0u; j < 4u; j++) {
    let at = lane * 4u + j;
    if (lane < E4 && at < params.e) { store_out(out_line(head, row) * params.e + at, value[j]); }
  }
  if (lane == 0u) { store_logsumexp(line, best + log(total)); }
}
