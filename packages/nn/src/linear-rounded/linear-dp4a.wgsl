// y [m n] = x [m k] · weight [n k]ᵀ + bias [n], both as signed bytes in groups of 32 along k: x was rounded by `quantise-rows`,
// the weight is stored as codes. One workgroup of 16 × 16 owns a tile of 64 × 64 of y, one invocation 4 rows and 4 columns of
// it in registers. Steps of one group: 8 words of four bytes per row come into workgroup memory, every product of four
// pairs is one instruction, the sum over a group is exact in i32, and one multiplication with both scales turns it into f32.

override BYTES: bool = false; // 8-bit codes

var<workgroup> tile_x: array<vec4<u32>, 128>; // 2 vectors of four words × 64 rows of x
var<workgroup> tile_w: array<vec4<u32>, 128>; // 2 vectors of four words × 64 rows of weight
var<workgroup> scales_x: array<f32, 64>;
var<workgroup> scales_w: array<f32, 64>;

// Four codes as signed bytes around zero. 4-bit ones come two to a byte, the even one in the low half.
fn signed_codes(row: u32, group: u32, word: u32) -> u32 {
  let at = row * params.groups + group;
  if (BYTES) { return codes[at * 8u + word] ^ 0x80808080u; }
  let pairs = (codes[at * 4u + word / 2u] >> (word % 2u * 16u)) & 0xffffu;
  let four = (pairs & 0xfu) | ((pairs & 0xf0u) << 4u) | ((pairs & 0xf00u) << 8u) | ((pairs & 0xf000u) << 12u);
  return ((four | 0x80808080u) - 0x08080808u) ^ 0x80808080u; // code − 8 in every byte, without borrowing from the next
}

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let columns = (params.n + 63u) / 64u;
  let left = tile % columns * 64u;
  let top = tile / columns * 64u;
  let line = lane % 64u;
  let part = lane / 64u; // 0 and 1 bring x, 2 and 3 the weight
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var group = 0u; group < params.groups; group++) {
    var words = vec4<u32>();
    if (part < 2u) {
      let row = top + line;
      if (row < params.m) {
        for (var j = 0u; j < 4u; j++) { words[j] = load_rows((row * params.groups + group) * 8u + part * 4u + j); }
        if (part == 0u) { scales_x[line] = load_row_scales(row * params.groups + group); }
      }
      tile_x[part * 64u + line] = words;
    } else {
      let row = left + line;
      if (row < params.n) {
        for (var j = 0u; j < 4u; j++) { words[j] = signed_codes(row, group, (part - 2u) * 4u + j); }
        if (part == 2u) { scales_w[line] = load_scales(row * params.groups + group); }
      }
      tile_w[(part - 2u) * 64u + line] = words;
    }
    workgroupBarrier();
    var totals = array<vec4<i32>, 4>(); // a variable without a value keeps that of the round before on some drivers
    for (var q = 0u; q < 2u; q++) {
      for (var c = 0u; c < 4u; c++) {
        let w = tile_w[q * 64u + local.x + c * 16u];
        for (var r = 0u; r < 4u; r++) {
          let x = tile_x[q * 64u + local.y * 4u + r];
          totals[r][c] += dot4I8Packed(x.x, w.x) + dot4I8Packed(x.y, w.y) + dot4I8Packed(x.z, w.z)
            + dot4I8Packed(x.w, w.w);
        }
      }
    }
    let scale = vec4<f32>(
      scales_w[local.x],
      scales_w[local.x + 16u],
      scales_w[local.x + 32u],
      scales_w[local.x + 48u],
    );
    sum0 += vec4<f32>(totals[0]) * scale * scales_x[local.y * 4u];
    sum1 += vec4<f32>(totals[1]) * scale * scales_x[local.y * 4u + 1u];
    sum2 += vec4<f32>(totals[2]) * scale * scales_x[local.y * 4u + 2u];
    sum3 += vec4<f32>(totals[3]) * scale * scales_x[local.y * 4u + 3u];
    workgroupBarrier();
  }
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let row = top + local.y * 4u + r;
    if (row >= params.m) { continue; }
    for (var j = 0u; j < 4u; j++) {
      let column = left + local.x + j * 16u;
      if (column < params.n) { store_y(row * params.n + column, finish(sums[r][j], row, column)); }
    }
  }
}
