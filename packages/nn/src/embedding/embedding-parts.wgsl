// Rows of a table that lies in up to six buffers, `each` rows in all but the last: y [count width] = table[ids]. One invocation
// owns one element. Ids are kept inside the table.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let id = u32(clamp(load_ids(i / params.width), 0, i32(params.rows) - 1));
  let at = id % params.each * params.width + i % params.width;
  var value = 0.0;
  switch id / params.each {
    case 0u: { value = load_part0(at); }
    case 1u: { value = load_part1(at); }
    case 2u: { value = load_part2(at); }
    case 3u: { value = load_part3(at); }
    case 4u: { value = load_part4(at); }
    default: { value = load_part5(at); }
  }
  store_y(i, value);
}
