// Stands before the tiles of a convolution: four neighbouring positions of one gathered row of a picture [n c h w], zero beyond its
// border. While it is read, the picture may be normalised by a table [n c 3] of mean, scale and shift, activated by SiLU, and
// enlarged: `height` and `width` are what the convolution sees, every pixel standing FACTOR times in both directions. Its
// last channels may lie in `more`.

override POINT: bool = false; // 1 × 1 without stride or padding, over positions that divide by four
override SILU: bool = false;
override KH: u32 = 1u; // of the kernel
override KW: u32 = 1u;
override FACTOR: u32 = 1u;

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

fn fetch_b(image: u32, p: u32, position: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (p >= params.k) { return value; }
  if (POINT) {
    let plane = image * params.c + p;
    if (position >= params.n) { return value; }
    let at = (plane_of(image, p) * params.n + position) / 4u;
    var four: vec4<f32>;
    if (in_x(p)) { four = load4_x(at); } else { four = load4_more(at); }
    return vec4<f32>(prepare(four.x, plane), prepare(four.y, plane), prepare(four.z, plane), prepare(four.w, plane));
  }
  let kx = p % KW;
  let ky = p / KW % KH;
  let channel = p / (KW * KH);
  let plane = image * params.c + channel;
  let own = plane_of(image, channel);
  for (var j = 0u; j < 4u; j++) {
    let at = position + j;
    let iy = at / params.ow * params.sh + ky - params.top; // wraps below zero, and is then too large
    let ix = at % params.ow * params.sw + kx - params.left;
    if (at < params.n && iy < params.height && ix < params.width) {
      let source = (own * params.h + iy / FACTOR) * params.w + ix / FACTOR;
      if (in_x(channel)) { value[j] = prepare(load_x(source), plane); } else { value[j] = prepare(load_more(source), plane); }
    }
  }
  return value;
}
