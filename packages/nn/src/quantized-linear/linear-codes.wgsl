// y [m n] = x [m k] · weight [n k]ᵀ + bias [n] with weights stored as 4- or 8-bit codes in groups of 32 along k, one scale
// a group: weight = (code − 8 or 128) · scale. As in `linear-few`: one workgroup of 64 lanes owns four rows of weight and
// up to eight rows of x, so every code is read once for all of them. A lane takes whole groups: one 16-byte load is 32
// 4-bit codes (two are 32 8-bit codes), one scale serves them, and the zero point is taken off after the products, from
// the sum of x over the group. Codes beyond k meet zeros of x. Sums are f32.

override BYTES: bool = false; // 8-bit codes

// Eight codes against eight elements: 4-bit ones alternate between low and high halves of the bytes of one word.
fn product(group: u32, eighth: u32, near: vec4<f32>, far: vec4<f32>) -> f32 {
  if (BYTES) {
    let words = codes[group * 2u + eighth / 2u];
    let at = eighth % 2u * 2u;
    return dot(vec4<f32>(unpack4xU8(words[at])), near) + dot(vec4<f32>(unpack4xU8(words[at + 1u])), far);
  }
  let word = codes[group][eighth];
  let even = vec4<f32>(unpack4xU8(word & 0x0f0f0f0fu));
  let odd = vec4<f32>(unpack4xU8((word >> 4u) & 0x0f0f0f0fu));
  return dot(even, vec4<f32>(near.x, near.z, far.x, far.z)) + dot(odd, vec4<f32>(near.y, near.w, far.y, far.w));
}

fn run(block: u32, lane: u32) {
  if (block >= params.blocks) { return; }
  let blocks = (params.n + 3u) / 4u;
  let column = block % blocks * 4u;
  let top = block / blocks * ROWS;
  let zero = select(8.0, 128.0, BYTES);
  let columns = min(vec4<u32>(column, column + 1u, column + 2u, column + 3u), vec4<u32>(params.n - 1u));
  var sums: array<vec4<f32>, 8>; // by row of x, a component for each row of weight
  for (var group = lane; group < params.groups; group += 64u) {
    let at = columns * params.groups + group;
    let scales_here = vec4<f32>(load_scales(at.x), load_scales(at.y), load_scales(at.z), load_scales(at.w));
    for (var r = 0u; r < ROWS; r++) {
      let row = min(top + r, params.m - 1u);
      var products = vec4<f32>();
      var offset = 0.0;
      for (var eighth = 0u; eighth < 4u; eighth++) {
        let near = fetch_x(row, group * 32u + eighth * 8u);
        let far = fetch_x(row, group * 32u + eighth * 8u + 4u);
        offset += dot(near + far, vec4<f32>(zero));
        products += vec4<f32>(
          product(at.x, eighth, near, far),
          product(at.y, eighth, near, far),
          product(at.z, eighth, near, far),
          product(at.w, eighth, near, far),
        );
      }
      sums[r] += scales_here * (products - offset);
    }
  }
  let total = fold_each(lane, sums);
  let row = top + lane / 4u;
  let at = column + lane % 4u;
  if (lane < ROWS * 4u && row < params.m && at < params.n) { store_y(row * params.n + at, finish(total, row, at)); }
}
