// y = f(x), element by element. One invocation owns four neighbouring elements. f32 throughout, whatever is stored.
// The builtins sin, cos and tanh may be off by 2^-11 or overflow, so they are computed here: argument reduction in three
// parts and the polynomials of the Cephes library; erf below 1 is a polynomial too, above it 1 - erfc by the rational
// Chebyshev fit of Press et al., Numerical Recipes, section 6.2.

override OP: u32;
override LANES: u32 = 256u;

fn sine_cosine(x: f32) -> vec2<f32> {
  let magnitude = abs(x);
  var octant = u32(magnitude * 1.27323954473516);
  octant += octant & 1u;
  let turns = f32(octant);
  let z = ((magnitude - turns * 0.78515625) - turns * 2.4187564849853515625e-4) - turns * 3.77489497744594108e-8;
  let s = z * z;
  let sine = ((-1.9515295891e-4 * s + 8.3321608736e-3) * s - 1.6666654611e-1) * s * z + z;
  let cosine = ((2.443315711809948e-5 * s - 1.388731625493765e-3) * s + 4.166664568298827e-2) * s * s - 0.5 * s + 1.0;
  let quarter = (octant >> 1u) & 3u;
  let swapped = (quarter & 1u) == 1u;
  var result = select(vec2<f32>(sine, cosine), vec2<f32>(cosine, sine), swapped);
  if (quarter == 2u || quarter == 3u) { result.x = -result.x; }
  if (quarter == 1u || quarter == 2u) { result.y = -result.y; }
  if (x < 0.0) { result.x = -result.x; }
  return result;
}

fn hyperbolic_tangent(x: f32) -> f32 {
  let z = x * x;
  let near = ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z
    - 3.33332819422e-1) * z * x + x;
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), 20.0)) + 1.0));
  return select(far, near, abs(x) < 0.625);
}

fn error_function(x: f32) -> f32 {
  let s = x * x;
  let near = x * ((((((7.853861353153693e-5 * s - 8.010193625184903e-4) * s + 5.188327685732524e-3) * s
    - 2.685381193529856e-2) * s + 1.128358514861418e-1) * s - 3.761262582423300e-1) * s + 1.128379165726710);
  let z = min(abs(x), 9.0);
  let t = 1.0 / (1.0 + 0.5 * z);
  let power = -z * z - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
    + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let far = sign(x) * (1.0 - t * exp(power));
  return select(far, near, abs(x) < 1.0);
}

fn apply(x: f32) -> f32 {
  switch OP {
    case 0u: { return -x; }
    case 1u: { return exp(x); }
    case 2u: { return log(x); }
    case 3u: { return sqrt(x); }
    case 4u: { return inverseSqrt(x); }
    case 5u: { return sine_cosine(x).x; }
    case 6u: { return sine_cosine(x).y; }
    case 7u: { return hyperbolic_tangent(x); }
    default: { return error_function(x); }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = linear_workgroup(workgroup) * LANES + lane;
  if (4u * i >= params.size) { return; }
  if (4u * i + 4u <= params.size) {
    let x = load4_x(i);
    store4_y(i, vec4<f32>(apply(x.x), apply(x.y), apply(x.z), apply(x.w)));
  } else {
    for (var j = 4u * i; j < params.size; j++) { store_y(j, apply(load_x(j))); }
  }
}
