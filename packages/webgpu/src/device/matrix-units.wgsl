// What a device makes of matrices of 16 × 16 as products in tiles use them: f16 multiplied, f32 summed. Lines of `numbers` are 40
// long and hold 32 small integers; every subgroup of 32 multiplies matrices along and across them, two steps each, and stores
// both sums in `results`, 1024 numbers of its own in lines of 64.

@group(0) @binding(0) var<storage, read_write> results: array<f32>;

var<workgroup> numbers: array<vec4<f16>, 320>;
var<workgroup> sums: array<f32, 4096>;

fn number(line: u32, place: u32) -> f32 {
  return f32((line * 7u + place * 3u + line * place) % 11u) - 5.0;
}

@compute @workgroup_size(128) @subgroup_size(32)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32) {
  for (var i = lane; i < 256u; i += 128u) {
    let line = i / 8u;
    let place = i % 8u * 4u;
    var four: vec4<f32>;
    for (var j = 0u; j < 4u; j++) { four[j] = number(line, place + j); }
    numbers[line * 10u + i % 8u] = vec4<f16>(four);
  }
  workgroupBarrier();
  var along: subgroup_matrix_result<f32, 16, 16>;
  var across: subgroup_matrix_result<f32, 16, 16>;
  for (var q = 0u; q < 2u; q++) {
    let left = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&numbers, q * 4u, 10u);
    let right = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&numbers, 160u + q * 4u, 10u);
    along = subgroupMatrixMultiplyAccumulate(left, right, along);
    let turned = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, col_major>(&numbers, q * 160u, 10u);
    let lying = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&numbers, q * 160u + 4u, 10u);
    across = subgroupMatrixMultiplyAccumulate(turned, lying, across);
  }
  subgroupMatrixStore<row_major>(&sums, subgroup * 1024u, along, 64u);
  subgroupMatrixStore<row_major>(&sums, subgroup * 1024u + 16u, across, 64u);
  workgroupBarrier();
  for (var i = lane; i < 4096u; i += 128u) { results[i] = sums[i]; }
}
