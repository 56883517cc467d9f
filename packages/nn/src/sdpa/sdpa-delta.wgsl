// What the backward pass of attention knows of a query: its logsumexp, and δ = Σ dout · out − dlogsumexp, which a softmax takes
// off the cotangents of its weights. One invocation owns one query.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = linear_workgroup(workgroup) * 64u + lane;
  if (row >= params.rows) { return; }
  var total = -load_dlogsumexp(row);
  for (var i = row * params.e; i < (row + 1u) * params.e; i++) { total += load_dout(i) * load_out(i); }
  store_statistics(row * 2u, load_logsumexp(row));
  store_statistics(row * 2u + 1u, total);
}
