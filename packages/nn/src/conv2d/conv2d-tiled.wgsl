// y [n o positions] = x [n c h w] convolved with weight [o c·kh·kw], as an implicit matrix product: rows are output channels,
// columns are output positions, and the inner dimension runs over (c, ky, kx). One workgroup of 16 × 16 owns a tile of 64
// channels × 64 positions of one image, one invocation 4 × 4 of it in registers. Steps of 16 along the inner dimension: four
// neighbours of a row of weight, and four neighbouring positions of one gathered row of the picture (zero beyond its border)
// go into workgroup memory; then all multiply from there. Sums are f32 and finished as `finish` says.
//
// While it is read, the picture may be normalised by a table [n c 3] of mean, scale and shift, activated by SiLU, and
// enlarged: `height` and `width` are what the convolution sees, every pixel standing `factor` times in both directions. Or it
// comes from a transformer as [n positions c], for 1 × 1 convolutions. Its last channels may lie in `more`. Where there are few tiles and the inner dimension is long, it is split over several workgroups (`span` each), y is a list of
// partial results, and another pass adds them up.

override VECTOR: bool = false; // the inner dimension divides by four
override POINT: bool = false; // 1 × 1 without stride or padding, over positions that divide by four
override TOKENS_IN: bool = false;
override SILU: bool = false;

var<workgroup> tile_w: array<vec4<f32>, 256>; // 64 channels × 4 vectors of the inner dimension
var<workgroup> tile_x: array<vec4<f32>, 256>; // 16 inner rows × 16 vectors of positions

fn fetch_w(row: u32, p: u32) -> vec4<f32> {
  if (row >= params.o || p >= params.inner) { return vec4<f32>(); }
  let at = row * params.inner + p;
  if (VECTOR) { return load4_weight(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (p + j < params.inner) { value[j] = load_weight(at + j); }
  }
  return value;
}

fn prepare(value: f32, plane: u32) -> f32 {
  var result = value;
  if (has_table) {
    result = (value - load_table(plane * 3u)) * load_table(plane * 3u + 1u) + load_table(plane * 3u + 2u);
  }
  if (SILU) { result = result / (1.0 + exp(-result)); }
  return result;
}

// Where a plane begins, in planes of x or, beyond them, of `more`.
fn in_x(channel: u32) -> bool {
  return !has_more || channel < params.own;
}

fn plane_of(image: u32, channel: u32) -> u32 {
  if (in_x(channel)) { return image * params.own + channel; }
  return image * (params.c - params.own) + channel - params.own;
}

fn fetch_x(image: u32, p: u32, position: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (p >= params.inner) { return value; }
  if (TOKENS_IN) {
    for (var j = 0u; j < 4u; j++) {
      let at = position + j;
      if (at < params.positions) { value[j] = load_x((image * params.positions + at) * params.c + p); }
    }
    return value;
  }
  if (POINT) {
    let plane = image * params.c + p;
    if (position >= params.positions) { return value; }
    let at = (plane_of(image, p) * params.positions + position) / 4u;
    var four: vec4<f32>;
    if (in_x(p)) { four = load4_x(at); } else { four = load4_more(at); }
    return vec4<f32>(prepare(four.x, plane), prepare(four.y, plane), prepare(four.z, plane), prepare(four.w, plane));
  }
  let kx = p % params.kw;
  let ky = p / params.kw % params.kh;
  let channel = p / (params.kw * params.kh);
  let plane = image * params.c + channel;
  let own = plane_of(image, channel);
  for (var j = 0u; j < 4u; j++) {
    let at = position + j;
    let iy = at / params.ow * params.sh + ky - params.top; // wraps below zero, and is then too large
    let ix = at % params.ow * params.sw + kx - params.left;
    if (at < params.positions && iy < params.height && ix < params.width) {
      let source = (own * params.h + iy / params.factor) * params.w + ix / params.factor;
      if (in_x(channel)) { value[j] = prepare(load_x(source), plane); } else { value[j] = prepare(load_more(source), plane); }
    }
  }
  return value;
}

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = linear_workgroup(workgroup);
  if (tile >= params.tiles) { return; }
  let columns = (params.positions + 63u) / 64u;
  let rows = (params.o + 63u) / 64u;
  let left = tile % columns * 64u;
  let top = tile / columns % rows * 64u;
  let image = tile / (columns * rows) % params.n;
  let split = tile / (columns * rows * params.n);
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = split * params.span; first < min(params.inner, (split + 1u) * params.span); first += 16u) {
    tile_w[lane] = fetch_w(top + lane / 4u, first + lane % 4u * 4u);
    tile_x[lane] = fetch_x(image, first + local.y, left + local.x * 4u);
    workgroupBarrier();
    for (var q = 0u; q < 4u; q++) {
      let w0 = tile_w[local.y * 16u + q];
      let w1 = tile_w[local.y * 16u + 4u + q];
      let w2 = tile_w[local.y * 16u + 8u + q];
      let w3 = tile_w[local.y * 16u + 12u + q];
      let x0 = tile_x[q * 64u + local.x];
      let x1 = tile_x[q * 64u + 16u + local.x];
      let x2 = tile_x[q * 64u + 32u + local.x];
      let x3 = tile_x[q * 64u + 48u + local.x];
      sum0 += w0.x * x0 + w0.y * x1 + w0.z * x2 + w0.w * x3;
      sum1 += w1.x * x0 + w1.y * x1 + w1.z * x2 + w1.w * x3;
      sum2 += w2.x * x0 + w2.y * x1 + w2.z * x2 + w2.w * x3;
      sum3 += w3.x * x0 + w3.y * x1 + w3.z * x2 + w3.w * x3;
    }
    workgroupBarrier();
  }
  let sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var r = 0u; r < 4u; r++) {
    let channel = top + local.y * 4u + r;
    if (channel >= params.o) { continue; }
    for (var j = 0u; j < 4u; j++) {
      let position = left + local.x * 4u + j;
      if (position >= params.positions) { continue; }
      store_y(place(split * params.n + image, channel, position), finish(sums[r][j], image, channel, position));
    }
  }
}
