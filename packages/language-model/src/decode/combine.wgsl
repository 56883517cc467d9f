// Brings together what `attend.wgsl` found in the stretches of a past: out = Σ eᵐ⁻ᴹ · sum / Σ eᵐ⁻ᴹ · total, with a stretch's
// maximum m and the largest of them M. One workgroup of 64 owns one head of one row, a lane whole elements. Stretches beyond
// the past were never written and are not read.

override D4: u32;
override SPLIT: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = linear_workgroup(workgroup);
  if (line >= params.lines) { return; }
  let stretches = u32(clamp(load_length(0u), 0, i32(params.c) - 1)) / SPLIT + 1u;
  let stride = D4 * 4u + 2u;
  let base = line * params.splits * stride;
  var best = load_stretches(base + D4 * 4u);
  for (var s = 1u; s < stretches; s++) { best = max(best, load_stretches(base + s * stride + D4 * 4u)); }
  for (var i = lane; i < params.d; i += 64u) {
    var sum = 0.0;
    var total = 0.0;
    for (var s = 0u; s < stretches; s++) {
      let at = base + s * stride;
      let weight = exp(load_stretches(at + D4 * 4u) - best);
      sum += weight * load_stretches(at + i);
      total += weight * load_stretches(at + D4 * 4u + 1u);
    }
    store_out(line * params.d + i, sum / total);
  }
}
