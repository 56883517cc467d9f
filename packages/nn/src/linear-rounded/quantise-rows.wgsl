// Rows of x [m k] as signed bytes in groups of 32 along k: x ≈ code · scale, with the largest element of a group at ±127.
// One invocation owns one group and writes eight words of four codes. Elements past the end of a row are zero.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * 64u + lane;
  if (i >= params.m * params.groups) { return; }
  let row = i / params.groups;
  let first = i % params.groups * 32u;
  var values: array<vec4<f32>, 8>;
  var largest = 0.0;
  for (var j = 0u; j < 8u; j++) {
    values[j] = fetch_x(row, first + j * 4u);
    let size = abs(values[j]);
    largest = max(largest, max(max(size.x, size.y), max(size.z, size.w)));
  }
  let scale = largest / 127.0;
  let inverse = select(0.0, 127.0 / largest, largest > 0.0);
  for (var j = 0u; j < 8u; j++) {
    store_rows(i * 8u + j, pack4xI8(vec4<i32>(round(values[j] * inverse))));
  }
  store_row_scales(i, scale);
}
