// The order of candidates, the higher score first and of equals the lower place, and the first of them over 256 lanes.

const lanes = 256u;
const lowest = -3.4e38;
const nowhere = 0xffffffffu;

struct Candidate { score: f32, place: u32 }

var<workgroup> best: array<Candidate, lanes>;
var<workgroup> winner: Candidate;

fn precedes(a: Candidate, b: Candidate) -> bool {
  return a.score > b.score || (a.score == b.score && a.place < b.place);
}

// The better of `found` and `next`, but never `last` or what comes before it.
fn better(found: Candidate, next: Candidate, last: Candidate) -> Candidate {
  if (precedes(last, next) && precedes(next, found)) { return next; }
  return found;
}

fn first_of(lane: u32, own: Candidate) -> Candidate {
  best[lane] = own;
  workgroupBarrier();
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    if (lane < half && precedes(best[lane + half], best[lane])) { best[lane] = best[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { winner = best[0]; }
  return workgroupUniformLoad(&winner);
}
