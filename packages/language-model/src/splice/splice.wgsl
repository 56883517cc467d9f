// Rows of tokens [n d] with rows of embeddings [m d] in some places. One invocation owns one element. Slots are kept inside
// the embeddings, so a wrong one cannot reach foreign memory.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * 256u + lane;
  if (i >= params.size) { return; }
  let slot = load_slots(i / params.width);
  if (slot < 0) {
    store_y(i, load_tokens(i));
  } else {
    store_y(i, load_embeddings(min(u32(slot), params.rows - 1u) * params.width + i % params.width));
  }
}
