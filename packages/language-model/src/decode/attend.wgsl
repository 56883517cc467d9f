// Attention of one new position over its past, for head sizes up to 256. Queries, keys and values [3 b h d] come as they were
// projected; the cache [b h c d] holds rotated keys. One workgroup of 64 owns one stretch of SPLIT positions of one head of
// one row. It rotates the query; the one whose stretch holds the new position rotates the key too and appends it and the
// value to the cache, where nobody else reads them in this dispatch. Then it walks its stretch, 64 positions at a time, with
// the online softmax of a text before this one. A stretch beyond the past ends at once. What comes out is the sum of the
// values, its maximum and its total, for `combine.wgsl` to bring together, or the result where there is one stretch alone.
// Sums are f32.

override SPLIT: u32;
override WHOLE: bool = false; // one stretch covers the capacity

var<workgroup> query: array<vec4<f32>, D4>;
var<workgroup> own_key: array<vec4<f32>, D4>;
var<workgroup> own_value: array<vec4<f32>, D4>;
var<private> own_place: u32; // of the new position

// Element i of a head, turned by the angle of its pair i, i + d/2.
fn rotated(head: u32, angles: u32, i: u32) -> f32 {
  let half = params.d / 2u;
  let x = load_qkv(head + i);
  if (i < half) { return x * load_cos(angles + i) - load_qkv(head + i + half) * load_sin(angles + i); }
  let j = i - half;
  return x * load_cos(angles + j) + load_qkv(head + j) * load_sin(angles + j);
}

fn rotated4(head: u32, angles: u32, c: u32) -> vec4<f32> {
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = rotated(head, angles, c * 4u + j); }
  }
  return value;
}

fn plain4(head: u32, c: u32) -> vec4<f32> {
  var value = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (c * 4u + j < params.d) { value[j] = load_qkv(head + c * 4u + j); }
  }
  return value;
}

fn value_at(place: u32, c: u32) -> vec4<f32> {
  if (place == own_place) { return own_value[c]; }
  return fetch_value(place, c);
}

// Writes vector c of the new key and value, and reads back what the cache made of them.
fn append(place: u32, c: u32, key: vec4<f32>, value: vec4<f32>) {
  if (VECTOR) {
    store4_keys(place * D4 + c, key);
    store4_values(place * D4 + c, value);
  } else {
    for (var j = 0u; j < 4u; j++) {
      if (c * 4u + j < params.d) {
        store_keys(place * params.d + c * 4u + j, key[j]);
        store_values(place * params.d + c * 4u + j, value[j]);
      }
    }
  }
  own_key[c] = fetch_key(place, c);
  own_value[c] = fetch_value(place, c);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let id = linear_workgroup(workgroup); // (b, h, stretch)
  if (id >= params.lines * params.splits) { return; }
  let line = id / params.splits;
  let length = u32(clamp(load_length(0u), 0, i32(params.c) - 1));
  let start = id % params.splits * SPLIT;
  if (start > length) { return; }
  let end = min(start + SPLIT, length + 1u);
  let batch = line / params.h;
  let head = line % params.h;
  let padding = load_padding(batch);
  let position = u32(clamp(load_positions(batch), 0, i32(params.angles) - 1));
  let angles = position * (params.d / 2u);
  own_place = line * params.c + length;
  for (var c = lane; c < D4; c += 64u) {
    query[c] = rotated4(line * params.d, angles, c);
    if (end > length) {
      let key = rotated4((params.lines + line) * params.d, angles, c);
      append(own_place, c, key, plain4((2u * params.lines + line) * params.d, c));
    }
  }
  workgroupBarrier();
  for (var first = start; first < end; first += 64u) {
    let seen = first + lane;
    var score = lowest;
    if (seen < end) {
      let place = place_of(batch, head, seen, length);
      places[lane] = place;
      var products = vec4<f32>();
      if (seen == length) {
        for (var c = 0u; c < D4; c++) { products += query[c] * own_key[c]; }
      } else {
        for (var c = 0u; c < D4; c++) { products += query[c] * fetch_key(place, c); }
      }
      score = dot(products, vec4<f32>(params.scale));
      if (i32(seen) < padding) { score = masked; }
    }
    weigh(lane, score, min(64u, end - first), D4);
  }
  var value = weighed(lane);
  if (lane >= D4) { return; }
  if (WHOLE) {
    value /= total;
    for (var j = 0u; j < 4u; j++) {
      if (lane * 4u + j < params.d) { store_out(line * params.d + lane * 4u + j, value[j]); }
    }
    return;
  }
  let stride = D4 * 4u + 2u;
  for (var j = 0u; j < 4u; j++) { store_out(id * stride + lane * 4u + j, value[j]); }
  if (lane == 0u) {
    store_out(id * stride + D4 * 4u, best);
    store_out(id * stride + D4 * 4u + 1u, total);
  }
}
