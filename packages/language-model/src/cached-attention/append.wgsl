// Writes new keys and values [b h t d] behind the first `length` positions of their caches [b h c d]. One invocation owns
// one element of each. The length comes from the device and is kept inside the cache.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let length = u32(clamp(load_length(0u), 0, i32(params.c - params.t)));
  let row = i / params.d;
  let at = (row / params.t * params.c + length + row % params.t) * params.d + i % params.d;
  store_keys(at, load_k(i));
  store_values(at, load_v(i));
}
