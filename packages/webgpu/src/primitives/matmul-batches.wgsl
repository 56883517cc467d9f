// Stands before the tiles of y = a b for a [… m k] and b [… k n]: where the matrices of a batch begin, leading axes broadcast.

fn start_a(batch: u32) -> u32 {
  var first = 0u;
  var rest = batch;
  for (var d = params.rank; d > 0u; d--) {
    first += rest % param_shape(d - 1u) * param_a_strides(d - 1u);
    rest /= param_shape(d - 1u);
  }
  return first;
}

fn start_b(batch: u32) -> u32 {
  var first = 0u;
  var rest = batch;
  for (var d = params.rank; d > 0u; d--) {
    first += rest % param_shape(d - 1u) * param_b_strides(d - 1u);
    rest /= param_shape(d - 1u);
  }
  return first;
}
