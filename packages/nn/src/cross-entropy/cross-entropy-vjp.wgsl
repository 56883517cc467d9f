// dlogits = (exp(logits − logsumexp) − onehot(label)) · dnll. One invocation owns one element.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let row = i / params.columns;
  var error = exp(load_logits(i) - load_logsumexp(row));
  if (load_labels(row) == i32(i % params.columns)) { error -= 1.0; }
  store_dlogits(i, error * load_dnll(row));
}
