// The best continuations of one beam by the tokens of one stretch of the vocabulary, in order. One workgroup of 256 owns
// SPAN tokens: it brings the totals of the row together, scores its tokens once into workgroup memory, and then looks
// for the best, the best after it, and so on, as often as continuations are wanted. What a beam has seen is a bit a token.
// Where a stretch has fewer tokens, places are `nowhere`. `best.wgsl` has the order.

override SPAN: u32;

const masked = -1.7e38;

var<workgroup> own_scores: array<f32, SPAN>;
var<workgroup> bits: array<atomic<u32>, SPAN / 32u>;

fn mark_seen(row: u32, start: u32, lane: u32) {
  for (var i = lane; i < SPAN / 32u; i += lanes) { atomicStore(&bits[i], 0u); }
  workgroupBarrier();
  for (var i = lane; i < params.m; i += lanes) {
    let token = i32(load_seen(row * params.m + i)) - i32(start);
    if (token >= 0 && token < i32(SPAN)) { atomicOr(&bits[u32(token) / 32u], 1u << (u32(token) % 32u)); }
  }
  workgroupBarrier();
}

fn is_forbidden(token: u32) -> bool {
  for (var i = 0u; i < params.e; i++) {
    if (i32(load_forbidden(i)) == i32(token)) { return true; }
  }
  return false;
}

fn candidate(i: u32, first: u32, end: u32) -> Candidate {
  if (i < end) { return Candidate(own_scores[i], first + i); }
  return Candidate(lowest, nowhere);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let id = linear_workgroup(workgroup); // (row, stretch)
  if (id >= params.rows * params.stretches) { return; }
  let row = id / params.stretches;
  let start = id % params.stretches * SPAN;
  let count = min(SPAN, params.v - start);
  let said = row / params.share; // the row of logits
  if (has_seen) { mark_seen(row, start, lane); }
  var top = lowest;
  for (var s = 0u; s < params.stretches; s++) { top = max(top, load_totals((said * params.stretches + s) * 2u)); }
  var sum = 0.0;
  for (var s = 0u; s < params.stretches; s++) {
    let at = (said * params.stretches + s) * 2u;
    sum += load_totals(at + 1u) * exp(load_totals(at) - top);
  }
  let logarithm = log(sum);
  for (var i = lane; i < count; i += lanes) {
    var x = load_logits(said * params.v + start + i) - top - logarithm;
    if (has_seen && ((atomicLoad(&bits[i / 32u]) >> (i % 32u)) & 1u) == 1u) {
      x = select(x / params.penalty, x * params.penalty, x < 0.0);
    }
    if (has_forbidden && is_forbidden(start + i)) { x = masked; }
    own_scores[i] = max(x + load_scores(row), lowest);
  }
  workgroupBarrier();
  let first = row % params.beams * params.v + start;
  var last = Candidate(-lowest, 0u);
  for (var n = 0u; n < params.kept; n++) {
    var own = Candidate(lowest, nowhere);
    for (var i = lane; i < count; i += lanes) { own = better(own, candidate(i, first, count), last); }
    last = first_of(lane, own);
    if (lane == 0u) {
      store_found(id * params.kept + n, last.score);
      store_places(id * params.kept + n, i32(last.place));
    }
  }
}
