// Stands before the tiles of y [n o positions] = x [n c h w] convolved with weight [o c·kh·kw], as an implicit matrix product for
// each image: rows are output channels, columns are output positions, and the inner dimension runs over (c, ky, kx). Four
// neighbours of a row of weight are read at a time, and four neighbouring positions of one gathered row of the picture, zero
// beyond its border. Sums are finished as `finish` says.
//
// While it is read, the picture may be normalised by a table [n c 3] of mean, scale and shift, activated by SiLU, and
// enlarged: `height` and `width` are what the convolution sees, every pixel standing `factor` times in both directions. Or it
// comes from a transformer as [n positions c], for 1 × 1 convolutions. Its last channels may lie in `more`.

override VECTOR: bool = false; // the inner dimension divides by four
override POINT: bool = false; // 1 × 1 without stride or padding, over positions that divide by four
override TOKENS_IN: bool = false;
override SILU: bool = false;

fn start_a(batch: u32) -> u32 { return 0u; }

fn start_b(batch: u32) -> u32 { return batch; }

fn fetch_a(start: u32, row: u32, p: u32) -> vec4<f32> {
  if (row >= params.m || p >= params.k) { return vec4<f32>(); }
  let at = row * params.k + p;
  if (VECTOR) { return load4_weight(at / 4u); }
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (p + j < params.k) { value[j] = load_weight(at + j); }
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

fn fetch_b(image: u32, p: u32, position: u32) -> vec4<f32> {
  var value = vec4<f32>();
  if (p >= params.k) { return value; }
  if (TOKENS_IN) {
    for (var j = 0u; j < 4u; j++) {
      let at = position + j;
      if (at < params.n) { value[j] = load_x((image * params.n + at) * params.c + p); }
    }
    return value;
  }
  if (POINT) {
    let plane = image * params.c + p;
    if (position >= params.n) { return value; }
    let at = (plane_of(image, p) * params.n + position) / 4u;
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
    if (at < params.n && iy < params.height && ix < params.width) {
      let source = (own * params.h + iy / params.factor) * params.w + ix / params.factor;
      if (in_x(channel)) { value[j] = prepare(load_x(source), plane); } else { value[j] = prepare(load_more(source), plane); }
    }
  }
  return value;
}

fn keep(sheet: u32, channel: u32, position: u32, sums: vec4<f32>) {
  let image = sheet % params.batch;
  for (var j = 0u; j < 4u; j++) {
    let at = position + j * apart;
    if (at < params.n) { store_y(place(sheet, channel, at), finish(sums[j], image, channel, at)); }
  }
}
