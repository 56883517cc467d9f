// Stands before a kernel of a convolution whose sums are partial: another pass finishes them.

fn finish(value: f32, image: u32, channel: u32, position: u32) -> f32 {
  return value;
}

fn place(image: u32, channel: u32, position: u32) -> u32 {
  return (image * params.m + channel) * params.n + position;
}
