// One step of Adam with decoupled weight decay (see `op.ts`), in the memory of param, m and v. One invocation owns an element.
// What depends on scalars alone each works out for itself: a few operations beside seven words of memory. A step that is not
// applied leaves everything as it lies.

override LANES: u32 = 256u;

// 1 - e^x for x <= 0. Near zero, where the plain difference loses its digits, the series of -expm1.
fn one_minus_exp(x: f32) -> f32 {
  var series = 1.0;
  for (var n = 8.0; n > 1.0; n -= 1.0) { series = 1.0 + x / n * series; }
  return select(1.0 - exp(x), -x * series, x > -0.5);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (i >= params.size || load_apply(0u) == 0u) { return; }
  let step = load_step(0u);
  let rate = load_rate(0u);
  let correction = sqrt(one_minus_exp(step * params.log_beta2));
  let stride = rate * correction / one_minus_exp(step * params.log_beta1);
  let g = load_scale(0u) * load_gradient(i);
  let m = params.beta1 * load_m(i) + params.rest1 * g;
  let v = params.beta2 * load_v(i) + params.rest2 * g * g;
  let direction = m / (sqrt(v) + correction * params.eps);
  store_param(i, load_param(i) * (1.0 - rate * params.weight_decay) - direction * stride);
  store_m(i, m);
  store_v(i, v);
}
