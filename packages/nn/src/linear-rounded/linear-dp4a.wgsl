// Stands before the tiles of y [m n] = x [m k] · weight [n k]ᵀ + bias [n], both as signed bytes in groups of 32 along k: x was
// rounded by `quantise-rows`, the weight is stored as codes. A step is one group: 8 words of four bytes per row come into
// workgroup memory, every product of four pairs is one instruction, the sum over a group is exact in i32, and one
// multiplication with both scales turns it into f32.

const step = 32u;
const apart = 16u;
const lead = 1u; // from the first column of an invocation to that of the next

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

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return 0u; }

// Lanes of the first half bring x, those of the second the weight.
fn bring_a(start: u32, top: u32, p: u32, lane: u32) {
  if (lane >= 128u) { return; }
  let row = top + lane % 64u;
  var words = vec4<u32>();
  if (row < params.m) {
    let at = row * params.groups + p / 32u;
    for (var j = 0u; j < 4u; j++) { words[j] = load_rows(at * 8u + lane / 64u * 4u + j); }
    if (lane < 64u) { scales_x[lane] = load_row_scales(at); }
  }
  tile_x[lane] = words;
}

fn bring_b(start: u32, left: u32, p: u32, lane: u32) {
  if (lane < 128u) { return; }
  let row = left + lane % 64u;
  var words = vec4<u32>();
  if (row < params.n) {
    for (var j = 0u; j < 4u; j++) { words[j] = signed_codes(row, p / 32u, (lane / 64u - 2u) * 4u + j); }
    if (lane < 192u) { scales_w[lane - 128u] = load_scales(row * params.groups + p / 32u); }
  }
  tile_w[lane - 128u] = words;
}

fn multiply(lane: u32, before: mat4x4<f32>) -> mat4x4<f32> {
  let column = lane % 16u;
  let row = lane / 16u * 4u;
  var totals = array<vec4<i32>, 4>(); // a variable without a value keeps that of the round before on some drivers
  for (var q = 0u; q < 2u; q++) {
    for (var c = 0u; c < 4u; c++) {
      let w = tile_w[q * 64u + column + c * 16u];
      for (var r = 0u; r < 4u; r++) {
        let x = tile_x[q * 64u + row + r];
        totals[r][c] += dot4I8Packed(x.x, w.x) + dot4I8Packed(x.y, w.y) + dot4I8Packed(x.z, w.z)
          + dot4I8Packed(x.w, w.w);
      }
    }
  }
  let scale = vec4<f32>(scales_w[column], scales_w[column + 16u], scales_w[column + 32u], scales_w[column + 48u]);
  var sums = before;
  for (var r = 0u; r < 4u; r++) { sums[r] += vec4<f32>(totals[r]) * scale * scales_x[row + r]; }
  return sums;
}

fn keep(sheet: u32, row: u32, column: u32, sums: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
    let at = column + j * apart;
    if (at < params.n) { store_y(row * params.n + at, finish(sums[j], row, at)); }
  }
}
