// What group normalisation does to each channel of each image: table [n c 3] of mean, scale and shift, so that
// y = (x − mean) · scale + shift. One invocation owns one channel and joins the pieces of its group (Chan et al., 1979).

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * 64u + lane;
  if (i >= params.count) { return; }
  let channel = i % params.c;
  let first = (i / params.c * params.groups + channel / (params.c / params.groups)) * params.per_group;
  var mean = 0.0;
  for (var p = 0u; p < params.per_group; p++) {
    let count = f32(min(params.span, params.size - p * params.span));
    mean += load_pieces((first + p) * 2u) * (count / f32(params.size));
  }
  var squares = 0.0;
  for (var p = 0u; p < params.per_group; p++) {
    let count = f32(min(params.span, params.size - p * params.span));
    let off = load_pieces((first + p) * 2u) - mean;
    squares += load_pieces((first + p) * 2u + 1u) + count * off * off;
  }
  store_table(i * 3u, mean);
  store_table(i * 3u + 1u, inverseSqrt(squares / f32(params.size) + params.eps) * load_weight(channel));
  store_table(i * 3u + 2u, load_bias(channel));
}
