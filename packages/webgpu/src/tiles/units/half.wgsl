// Stands behind a kernel on matrix units: what they multiply.

override CLAMPS: bool = false; // operands may lie beyond the range of f16, and are held within it

fn half(value: vec4<f32>) -> vec4<f16> {
  if (CLAMPS) { return vec4<f16>(clamp(value, vec4<f32>(-65504.0), vec4<f32>(65504.0))); }
  return vec4<f16>(value);
}
