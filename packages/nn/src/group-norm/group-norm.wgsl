// Layer normalisation over groups of neighbouring channels, x [n c positions]. A group's elements lie side by side: one
// workgroup owns one group of one image and passes over it three times: mean, variance about that mean, result with each
// channel's scale and shift. Lanes fold their f32 sums as `lanes/` says. VECTOR: positions divide by four.

override VECTOR: bool = false;

fn run(group: u32, lane: u32) {
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
  let mean = fold_sum(lane, total) / f32(size);
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
  let rstd = inverseSqrt(fold_sum(lane, squares) / f32(size) + params.eps);
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
