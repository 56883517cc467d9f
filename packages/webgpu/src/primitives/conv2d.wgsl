// y [n o oh ow] = x [n c h w] convolved with weight [o c kh kw]. The naive rung: one invocation owns one element of y and
// walks the kernel and the channels with an f32 accumulator.

override LANES: u32 = 256u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size) { return; }
  let column = i % params.ow;
  let row = i / params.ow % params.oh;
  let o = i / (params.ow * params.oh) % params.o;
  let n = i / (params.ow * params.oh * params.o);
  var total = 0.0;
  for (var c = 0u; c < params.c; c++) {
    for (var ky = 0u; ky < params.kh; ky++) {
      let iy = row * params.sh + ky - params.top; // wraps below zero, and is then too large
      if (iy >= params.h) { continue; }
      for (var kx = 0u; kx < params.kw; kx++) {
        let ix = column * params.sw + kx - params.left;
        if (ix >= params.w) { continue; }
        total += load_x(((n * params.c + c) * params.h + iy) * params.w + ix)
          * load_weight(((o * params.c + c) * params.kh + ky) * params.kw + kx);
      }
    }
  }
  store_y(i, total);
}
