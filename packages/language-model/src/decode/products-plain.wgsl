// Weights as floats: the lanes take neighbouring vectors of four.

fn fetch_weight(which: u32, row: u32, p: u32) -> vec4<f32> {
  let at = row * params.k + p;
  if (VECTOR) {
    switch which {
      case 1u: { return load4_weight1(at / 4u); }
      case 2u: { return load4_weight2(at / 4u); }
      default: { return load4_weight0(at / 4u); }
    }
  }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u && p + j < params.k; j++) {
    switch which {
      case 1u: { value[j] = load_weight1(at + j); }
      case 2u: { value[j] = load_weight2(at + j); }
      default: { value[j] = load_weight0(at + j); }
    }
  }
  return value;
}

fn accumulate(which: u32, columns: vec4<u32>, lane: u32) {
  for (var p = lane * 4u; p < params.k; p += 256u) {
    let w0 = fetch_weight(which, columns.x, p);
    let w1 = fetch_weight(which, columns.y, p);
    let w2 = fetch_weight(which, columns.z, p);
    let w3 = fetch_weight(which, columns.w, p);
    for (var r = 0u; r < ROWS; r++) {
      let x = input_at(r, p);
      sums[r] += vec4<f32>(dot(x, w0), dot(x, w1), dot(x, w2), dot(x, w3));
    }
  }
}
