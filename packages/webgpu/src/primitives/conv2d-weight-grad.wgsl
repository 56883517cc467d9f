// The cotangent y [o c kh kw] of a convolution's weight, from x [n c h w] and dy [n o oh ow]. One workgroup owns one
// element: its lanes walk the positions of dy, then fold their f32 sums pairwise.

override LANES: u32 = 64u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup);
  if (i >= params.size) { return; }
  let kx = i % params.kw;
  let ky = i / params.kw % params.kh;
  let c = i / (params.kw * params.kh) % params.c;
  let o = i / (params.kw * params.kh * params.c);
  var total = 0.0;
  for (var j = lane; j < params.n * params.oh * params.ow; j += LANES) {
    let column = j % params.ow;
    let row = j / params.ow % params.oh;
    let n = j / (params.ow * params.oh);
    let iy = row * params.sh + ky - params.top; // wraps below zero, and is then too large
    let ix = column * params.sw + kx - params.left;
    if (iy >= params.h || ix >= params.w) { continue; }
    total += load_x(((n * params.c + c) * params.h + iy) * params.w + ix)
      * load_dy(((n * params.o + o) * params.oh + row) * params.ow + column);
  }
  partial[lane] = total;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[lane] += partial[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { store_y(i, partial[0]); }
}
