// Stands before a kernel of attention in which one workgroup of 64 owns one query of one head, for values of up to 64 vectors: an
// online softmax (Dao et al., 2022). Of 64 keys at a time each lane scores one and says where its value lies (`places`); the
// running maximum and total are brought up to date, then the lanes share out the vectors of the result, several lanes to
// one vector where there are lanes to spare. Sums are f32. Masked scores are a finite number, so a row with everything
// masked has even weights, and no score is below the lowest, so that a row always has a total. The kernel's `value_at` reads.

override SPAN: u32; // vectors of a value, rounded up to a power of two, at most 64

const masked = -1.7e38;
const lowest = -0x1.fffffep+127f; // of all finite numbers

var<workgroup> scores: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> places: array<u32, 64>;
var<workgroup> results: array<vec4<f32>, 64>;

var<private> best: f32 = lowest;
var<private> total: f32;
var<private> sum: vec4<f32>;

// The first `count` lanes bring the scores of as many keys, whose values have `vectors` vectors.
fn weigh(lane: u32, score: f32, count: u32, vectors: u32) {
  scores[lane] = score;
  workgroupBarrier();
  var updated = best;
  for (var j = 0u; j < count; j++) { updated = max(updated, scores[j]); }
  weights[lane] = exp(score - updated);
  workgroupBarrier();
  let shrink = exp(best - updated);
  best = updated;
  total *= shrink;
  for (var j = 0u; j < count; j++) { total += weights[j]; }
  sum *= shrink;
  if (lane % SPAN < vectors) {
    for (var j = lane / SPAN; j < count; j += 64u / SPAN) { sum += weights[j] * value_at(places[j], lane % SPAN); }
  }
  workgroupBarrier();
}

// Vector `lane` of the weighted values, whose weights add up to `total`.
fn weighed(lane: u32) -> vec4<f32> {
  results[lane] = sum;
  workgroupBarrier();
  var value = vec4<f32>();
  for (var i = lane % SPAN; i < 64u; i += SPAN) { value += results[i]; }
  return value;
}
