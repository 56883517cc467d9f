// Mean and sum of squared deviations of one piece of a group: pieces [count 2]. A group's elements lie side by side; one
// workgroup owns a piece of `span` of them and passes over it twice, since E[x²] − E[x]² would cancel. Lanes fold as
// `lanes/` says. VECTOR: positions divide by four, and so do pieces. Where there is `more`, each image is x and then that.

override VECTOR: bool = false;

// Where element i of all images lies, and whether in x.
struct Spot {
  at: u32,
  in_x: bool,
}

fn spot(i: u32) -> Spot {
  if (!has_more) { return Spot(i, true); }
  let image = i / (params.own + params.others);
  let inside = i % (params.own + params.others);
  if (inside < params.own) { return Spot(image * params.own + inside, true); }
  return Spot(image * params.others + inside - params.own, false);
}

fn one(i: u32) -> f32 {
  let found = spot(i);
  if (found.in_x) { return load_x(found.at); }
  return load_more(found.at);
}

fn four(i: u32) -> vec4<f32> {
  let found = spot(i * 4u);
  if (found.in_x) { return load4_x(found.at / 4u); }
  return load4_more(found.at / 4u);
}

fn run(piece: u32, lane: u32) {
  if (piece >= params.count) { return; }
  let first = piece % params.per_group * params.span;
  let count = min(params.span, params.size - first);
  let base = piece / params.per_group * params.size + first;
  var total = 0.0;
  if (VECTOR) {
    for (var i = lane; i < count / 4u; i += LANES) { total += dot(four(base / 4u + i), vec4<f32>(1.0)); }
  } else {
    for (var i = lane; i < count; i += LANES) { total += one(base + i); }
  }
  let mean = fold_sum(lane, total) / f32(count);
  var squares = 0.0;
  if (VECTOR) {
    for (var i = lane; i < count / 4u; i += LANES) {
      let centred = four(base / 4u + i) - mean;
      squares += dot(centred, centred);
    }
  } else {
    for (var i = lane; i < count; i += LANES) {
      let centred = one(base + i) - mean;
      squares += centred * centred;
    }
  }
  squares = fold_sum(lane, squares);
  if (lane == 0u) {
    store_pieces(piece * 2u, mean);
    store_pieces(piece * 2u + 1u, squares);
  }
}
