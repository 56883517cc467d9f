// The best continuations of one prompt from those of its beams' stretches: one workgroup of 256 owns the prompt and looks
// for the best, the best after it, and so on. `best.wgsl` has the order.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let prompt = linear_workgroup(workgroup);
  if (prompt >= params.prompts) { return; }
  var last = Candidate(-lowest, 0u);
  for (var n = 0u; n < params.count; n++) {
    var own = Candidate(lowest, nowhere);
    for (var i = lane; i < params.candidates; i += lanes) {
      let at = prompt * params.candidates + i;
      own = better(own, Candidate(load_found(at), u32(load_places(at))), last);
    }
    last = first_of(lane, own);
    if (lane == 0u) {
      store_score(prompt * params.count + n, last.score);
      store_place(prompt * params.count + n, i32(last.place));
    }
  }
}
