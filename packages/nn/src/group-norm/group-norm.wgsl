// Layer normalisation over groups of neighbouring channels, x [n c positions]. A group's elements lie side by side: one
// workgroup owns one group of one image and passes over it three times: mean, variance about that mean, result with each
// channel's scale and shift. Lanes fold their f32 sums pairwise in workgroup memory. VECTOR: positions divide by four.

override VECTOR: bool = false;
override LANES: u32 = 64u;

var<workgroup> partial: array<f32, LANES>;

fn fold(lane: u32, value: f32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = linear_workgroup(workgroup);
  if (group >= params.count) { return; }
  let size = params.channels * params.positions; // of one group
  let base = group * size;
  let first_channel = group % params.groups * params.channels;
  var total = 0.0;
  if (VECTOR) {
    for (var i = lane; i < size / 4u; i += LANES) { total += dot(load4_x(base / 4u + i), vec4<f32>(1.0)); }
  } else {
    for (var i = lane; i < size; i += LANES) { total += load_x(base + i); }
  }
  let mean = fold(lane, total) / f32(size);
  var squares = 0.0;
  if (VECTOR) {
    for (var i = lane; i < size / 4u; i += LANES) {
      let centred = load4_x(base / 4u + i) - mean;
      squares += dot(centred, centred);
    }
  } else {
    for (var i = lane; i < size; i += LANES) {
      let centred = load_x(base + i) - mean;
      squares += centred * centred;
    }
  }
  let rstd = inverseSqrt(fold(lane, squares) / f32(size) + params.eps);
  if (VECTOR) {
    for (var i = lane; i < size / 4u; i += LANES) {
      let channel = first_channel + 4u * i / params.positions;
      store4_y(base / 4u + i, (load4_x(base / 4u + i) - mean) * rstd * load_weight(channel) + load_bias(channel));
    }
  } else {
    for (var i = lane; i < size; i += LANES) {
      let channel = first_channel + i / params.positions;
      store_y(base + i, (load_x(base + i) - mean) * rstd * load_weight(channel) + load_bias(channel));
    }
  }
}
