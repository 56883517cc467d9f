// Weights as 4- or 8-bit codes in groups of 32 along k with one scale each: weight = (code − 8 or 128) · scale. A lane takes
// whole groups, one 16-byte load (two for 8 bits) and one scale each; the zero point is taken off after the products.

override BYTES: bool = false; // 8-bit codes

fn fetch_codes(which: u32, i: u32) -> vec4<u32> {
  switch which {
    case 1u: { return words_codes1(i); }
    case 2u: { return words_codes2(i); }
    default: { return words_codes0(i); }
  }
}

fn fetch_scale(which: u32, i: u32) -> f32 {
  switch which {
    case 1u: { return load_scales1(i); }
    case 2u: { return load_scales2(i); }
    default: { return load_scales0(i); }
  }
}

// Sixteen codes, half of a group of 4-bit ones, as four vectors in the order of x.
struct Half { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }

// Two codes share a byte, the even one in its low half.
fn spread(word: u32) -> array<vec4<f32>, 2> {
  let even = vec4<f32>(unpack4xU8(word & 0x0f0f0f0fu));
  let odd = vec4<f32>(unpack4xU8((word >> 4u) & 0x0f0f0f0fu));
  return array<vec4<f32>, 2>(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}

fn half_group(which: u32, group: u32, second: u32) -> Half {
  if (BYTES) {
    let words = fetch_codes(which, group * 2u + second);
    return Half(
      vec4<f32>(unpack4xU8(words.x)),
      vec4<f32>(unpack4xU8(words.y)),
      vec4<f32>(unpack4xU8(words.z)),
      vec4<f32>(unpack4xU8(words.w)),
    );
  }
  let words = fetch_codes(which, group);
  let first = spread(words[second * 2u]);
  let next = spread(words[second * 2u + 1u]);
  return Half(first[0], first[1], next[0], next[1]);
}

fn accumulate(which: u32, columns: vec4<u32>, lane: u32) {
  let zero = select(8.0, 128.0, BYTES);
  for (var group = lane; group < params.groups; group += 64u) {
    let at = columns * params.groups + group;
    let scales = vec4<f32>(
      fetch_scale(which, at.x),
      fetch_scale(which, at.y),
      fetch_scale(which, at.z),
      fetch_scale(which, at.w),
    );
    for (var second = 0u; second < 2u; second++) {
      let w0 = half_group(which, at.x, second);
      let w1 = half_group(which, at.y, second);
      let w2 = half_group(which, at.z, second);
      let w3 = half_group(which, at.w, second);
      for (var r = 0u; r < ROWS; r++) {
        let p = group * 32u + second * 16u;
        let a = input_at(r, p);
        let b = input_at(r, p + 4u);
        let c = input_at(r, p + 8u);
        let d = input_at(r, p + 12u);
        let offset = zero * dot(a + b + c + d, vec4<f32>(1.0));
        sums[r] += scales * (vec4<f32>(
          dot(a, w0.a) + dot(b, w0.b) + dot(c, w0.c) + dot(d, w0.d),
          dot(a, w1.a) + dot(b, w1.b) + dot(c, w1.c) + dot(d, w1.d),
          dot(a, w2.a) + dot(b, w2.b) + dot(c, w2.c) + dot(d, w2.d),
          dot(a, w3.a) + dot(b, w3.b) + dot(c, w3.c) + dot(d, w3.d),
        ) - offset);
      }
    }
  }
}
