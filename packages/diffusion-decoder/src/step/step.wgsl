// One step of a sampler: guidance, then (state, seen) = mixing · (state, prediction) for every element by itself, in the
// memory of the state. One invocation owns an element of all tensors: it has read them all before it writes the first. The
// matrix is a uniform of a few dozen numbers.

override SLOTS: u32;

const most = 16u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * 64u + lane;
  if (i >= params.size) { return; }
  var held: array<f32, most + 1u>;
  for (var slot = 0u; slot < SLOTS; slot++) { held[slot] = load_stateOut(slot * params.size + i); }
  var prediction = load_predictions(i);
  if (has_guidance) {
    let unconditioned = load_predictions(params.size + i);
    prediction = unconditioned + load_guidance(0u) * (prediction - unconditioned);
  }
  held[SLOTS] = prediction;
  for (var row = 0u; row <= SLOTS; row++) {
    var sum = 0.0;
    for (var column = 0u; column <= SLOTS; column++) {
      sum += load_mixing(row * (SLOTS + 1u) + column) * held[column];
    }
    if (row < SLOTS) {
      store_stateOut(row * params.size + i, sum);
    } else {
      store_seen(i, sum);
      if (has_guidance) { store_seen(params.size + i, sum); }
    }
  }
}
