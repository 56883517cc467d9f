// The beams that prompts go on with. One workgroup of 64 owns one beam: all lanes look for its continuation among the few
// of its prompt, the first one writes what it is, and all copy the row of the table that it goes on from.

const lanes = 64u;

fn is_end(token: u32) -> bool {
  for (var e = 0u; e < params.ends; e++) {
    if (param_end(e) == token) { return true; }
  }
  return false;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = linear_workgroup(workgroup);
  if (row >= params.rows) { return; }
  let first = row / params.beams * params.c;
  var before = row % params.beams; // beams of the prompt that come first
  var at = first;
  for (var i = first; i < first + params.c; i++) {
    if (is_end(u32(load_place(i)) % params.v)) { continue; }
    if (before == 0u) {
      at = i;
      break;
    }
    before--;
  }
  let place = u32(load_place(at));
  let parent = row / params.beams * params.beams + place / params.v;
  if (lane == 0u) {
    store_ids(row, i32(place % params.v));
    store_scores(row, max(load_score(at), params.floor));
    store_parents(row, i32(parent));
  }
  let length = u32(load_length(0u));
  for (var i = lane; i < params.n; i += lanes) {
    if (i < length) {
      store_rowsOut(row * params.n + i, load_rows(parent * params.n + i));
    } else {
      store_rowsOut(row * params.n + i, i32(row));
    }
  }
}
