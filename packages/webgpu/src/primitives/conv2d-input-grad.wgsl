// The cotangent y [n c h w] of a convolution's input, from dy [n o oh ow] and weight [o c kh kw]. One invocation owns one
// element of y and walks the outputs it went into, with an f32 accumulator.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let ix = i % params.w;
  let iy = i / params.w % params.h;
  let c = i / (params.w * params.h) % params.c;
  let n = i / (params.w * params.h * params.c);
  var total = 0.0;
  for (var ky = 0u; ky < params.kh; ky++) {
    let y = iy + params.top - ky; // wraps below zero, and is then too large
    if (y % params.sh != 0u || y / params.sh >= params.oh) { continue; }
    for (var kx = 0u; kx < params.kw; kx++) {
      let x = ix + params.left - kx;
      if (x % params.sw != 0u || x / params.sw >= params.ow) { continue; }
      for (var o = 0u; o < params.o; o++) {
        total += load_dy(((n * params.o + o) * params.oh + y / params.sh) * params.ow + x / params.sw)
          * load_weight(((o * params.c + c) * params.kh + ky) * params.kw + kx);
      }
    }
  }
  store_y(i, total);
}
