// Mean and sum of squared deviations of one piece of a group: pieces [count 2]. A group's elements lie side by side; one
// workgroup owns a piece of `span` of them and passes over it twice, since E[x²] − E[x]² would cancel. Lanes fold as
// `lanes/` says. VECTOR: positions divide by four, and so do pieces.

override VECTOR: bool = false;

fn run(piece: u32, lane: u32) {
  if (piece >= params.count) { return; }
  let first = piece % params.per_group * params.span;
  let count = min(params.span, params.size - first);
  let base = piece / params.per_group * params.size + first;
  var total = 0.0;
  if (VECTOR) {
    for (var i = lane; i < count / 4u; i += LANES) { total += dot(load4_x(base / 4u + i), vec4<f32>(1.0)); }
  } else {
    for (var i = lane; i < count; i += LANES) { total += load_x(base + i); }
  }
  let mean = fold_sum(lane, total) / f32(count);
  var squares = 0.0;
  if (VECTOR) {
    for (var i = lane; i < count / 4u; i += LANES) {
      let centred = load4_x(base / 4u + i) - mean;
      squares += dot(centred, centred);
    }
  } else {
    for (var i = lane; i < count; i += LANES) {
      let centred = load_x(base + i) - mean;
      squares += centred * centred;
    }
  }
  squares = fold_sum(lane, squares);
  if (lane == 0u) {
    store_pieces(piece * 2u, mean);
    store_pieces(piece * 2u + 1u, squares);
  }
}
