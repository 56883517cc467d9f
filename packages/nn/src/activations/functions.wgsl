// Stands before a kernel that applies an activation: gelu(x), silu(x), sigmoid(x), x · sigmoid(1.702 x), max(x, 0) or x, in f32.
// The erf of gelu is a polynomial below 1 (the Cephes library's) and above it 1 − erfc by the rational Chebyshev fit of
// Press et al., Numerical Recipes, section 6.2.

override OP: u32;

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

fn activate(x: f32) -> f32 {
  switch OP {
    case 0u: { return 0.5 * x * (1.0 + error_function(x * 0.70710678)); }
    case 1u: { return x / (1.0 + exp(-x)); }
    case 2u: { return 1.0 / (1.0 + exp(-x)); }
    case 3u: { return x / (1.0 + exp(-1.702 * x)); }
    case 4u: { return max(x, 0.0); }
    default: { return x; }
  }
}
