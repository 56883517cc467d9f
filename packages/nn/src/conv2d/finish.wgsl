// Stands before a kernel of a convolution: what becomes of each sum. `added` has as many elements as y, or one for each
// channel of each image (or of all images: then its step from image to image is zero). y is [n o positions], for transformers
// [n positions o].

override ADDED_WHOLE: bool = false;
override TOKENS_OUT: bool = false;

fn finish(value: f32, image: u32, channel: u32, position: u32) -> f32 {
  let result = value + load_bias(channel);
  if (!has_added) { return result; }
  if (ADDED_WHOLE) { return result + load_added((image * params.m + channel) * params.n + position); }
  return result + load_added(image * params.added_step + channel);
}

fn place(image: u32, channel: u32, position: u32) -> u32 {
  if (TOKENS_OUT) { return (image * params.n + position) * params.m + channel; }
  return (image * params.m + channel) * params.n + position;
}
