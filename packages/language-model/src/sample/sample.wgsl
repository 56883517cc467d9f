// The next token of one row of logits [b v]: one workgroup of 256 owns the row and passes over it a few times, which is little
// beside the weights of a step. Largest score; with top-k the k-th largest, found digit by digit of the scores' bits; with
// top-p the smallest score that stays, likewise, from probabilities in fixed point (2⁻³⁰ of their sum), so that their sums
// do not depend on the order in which lanes add them; then the sums of 256 stretches, the stretch in which the cumulative
// probability passes the drawn number, and the token in it. Sums that choose are f32.

override DRAWN: bool = false;
override TOP_K: bool = false;
override TOP_P: bool = false;

const lanes = 256u;
const lowest = -3.4e38;

var<workgroup> values: array<f32, lanes>;
var<workgroup> indices: array<u32, lanes>;
var<workgroup> bins: array<atomic<u32>, 256>;
var<workgroup> found: vec2<u32>;

// A forbidden score is `lowest`.
fn score(row: u32, i: u32) -> f32 {
  if (load_step(0u) < i32(params.until)) {
    for (var e = 0u; e < params.ends; e++) {
      if (param_end(e) == i) { return lowest; }
    }
  }
  let x = load_logits(row * params.v + i);
  if (DRAWN) { return x / params.temperature; }
  return x;
}

// Bits in the order of the numbers: both zeros are one.
fn key_of(x: f32) -> u32 {
  let bits = select(bitcast<u32>(x), 0u, x == 0.0);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

// The largest score, and where it first stands.
fn largest(row: u32, lane: u32) -> vec2<u32> {
  var best = lowest;
  var at = params.v;
  for (var i = lane; i < params.v; i += lanes) {
    let x = score(row, i);
    if (x > best || at == params.v) {
      best = x;
      at = i;
    }
  }
  values[lane] = best;
  indices[lane] = at;
  workgroupBarrier();
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = values[lane + half];
      let place = indices[lane + half];
      if (other > values[lane] || (other == values[lane] && place < indices[lane])) {
        values[lane] = other;
        indices[lane] = place;
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { found = vec2<u32>(bitcast<u32>(values[0]), indices[0]); }
  return workgroupUniformLoad(&found);
}

// Σ exp(x − top) over what has at least this key.
fn mass(row: u32, lane: u32, top: f32, floor: u32) -> f32 {
  var sum = 0.0;
  for (var i = lane; i < params.v; i += lanes) {
    let x = score(row, i);
    if (x > lowest && key_of(x) >= floor) { sum += exp(x - top); }
  }
  values[lane] = sum;
  workgroupBarrier();
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    if (lane < half) { values[lane] += values[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { found.x = bitcast<u32>(values[0]); }
  return bitcast<f32>(workgroupUniformLoad(&found).x);
}

fn clear(lane: u32) {
  atomicStore(&bins[lane], 0u);
  workgroupBarrier();
}

// The key of the k-th largest score.
fn kth(row: u32, lane: u32) -> u32 {
  var prefix = 0u;
  var left = params.k;
  for (var shift = 24i; shift >= 0i; shift -= 8i) {
    clear(lane);
    for (var i = lane; i < params.v; i += lanes) {
      let key = key_of(score(row, i));
      if (shift == 24i || (key >> u32(shift + 8i)) == prefix) { atomicAdd(&bins[(key >> u32(shift)) & 255u], 1u); }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var digit = 255u;
      var rest = left;
      for (; digit > 0u; digit--) {
        let count = atomicLoad(&bins[digit]);
        if (count >= rest) { break; }
        rest -= count;
      }
      found = vec2<u32>(digit, rest);
    }
    let next = workgroupUniformLoad(&found);
    prefix = (prefix << 8u) | next.x;
    left = next.y;
  }
  return prefix;
}

// The smallest key such that what lies up to it has more than 1 − p of the probability of all from `floor` on.
fn nucleus(row: u32, lane: u32, top: f32, floor: u32) -> u32 {
  let scale = 1073741824.0 / mass(row, lane, top, floor);
  var prefix = 0u;
  var below = 0u;
  for (var shift = 24i; shift >= 0i; shift -= 8i) {
    clear(lane);
    for (var i = lane; i < params.v; i += lanes) {
      let x = score(row, i);
      let key = key_of(x);
      if (x > lowest && key >= floor && (shift == 24i || (key >> u32(shift + 8i)) == prefix)) {
        atomicAdd(&bins[(key >> u32(shift)) & 255u], u32(round(exp(x - top) * scale)));
      }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var sum = below;
      var digit = 0u;
      var last = 0u; // the highest digit that holds anything
      var before = below;
      for (; digit < 256u; digit++) {
        let here = atomicLoad(&bins[digit]);
        if (here > 0u) {
          last = digit;
          before = sum;
        }
        if (f32(sum + here) > params.cut * 1073741824.0) { break; }
        sum += here;
      }
      found = select(vec2<u32>(last, before), vec2<u32>(digit, sum), digit < 256u);
    }
    let next = workgroupUniformLoad(&found);
    prefix = (prefix << 8u) | next.x;
    below = next.y;
  }
  return prefix;
}

// The token at which the cumulative probability passes u, in the order of the vocabulary.
fn draw(row: u32, lane: u32, top: f32, floor: u32) -> u32 {
  let stretch = (params.v + lanes - 1u) / lanes;
  let start = min(lane * stretch, params.v);
  let end = min(start + stretch, params.v);
  var sum = 0.0;
  for (var i = start; i < end; i++) {
    let x = score(row, i);
    if (x > lowest && key_of(x) >= floor) { sum += exp(x - top); }
  }
  values[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < lanes; i++) { total += values[i]; }
    let goal = load_drawn(row * params.n + min(u32(load_step(0u)), params.n - 1u)) * total;
    var at = 0u;
    var before = 0.0;
    var running = 0.0;
    for (var i = 0u; i < lanes; i++) {
      if (values[i] > 0.0) {
        at = i;
        before = running;
      }
      running += values[i];
      if (running > goal) { break; }
    }
    found = vec2<u32>(at, bitcast<u32>(goal - before));
  }
  let chosen = workgroupUniformLoad(&found);
  if (lane == chosen.x) {
    var left = bitcast<f32>(chosen.y);
    var token = start;
    for (var i = start; i < end; i++) {
      let x = score(row, i);
      if (x > lowest && key_of(x) >= floor) {
        token = i;
        left -= exp(x - top);
        if (left < 0.0) { break; }
      }
    }
    indices[0] = token;
  }
  workgroupBarrier();
  return indices[0];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = linear_workgroup(workgroup);
  if (row >= params.rows) { return; }
  let first = largest(row, lane);
  var token = first.y;
  if (DRAWN) {
    let top = bitcast<f32>(first.x);
    var floor = 0u;
    if (TOP_K) { floor = kth(row, lane); }
    if (TOP_P) { floor = max(floor, nucleus(row, lane, top, floor)); }
    token = draw(row, lane, top, floor);
  }
  if (lane == 0u) { store_token(row, i32(token)); }
}
