/** 97.5 % of a standard normal distribution lie below. */
const z = 1.959964;

/**
 * 95 % interval of a probability from `correct` of `count` independent trials, by Wilson's score: unlike the normal
 * approximation it stays within 0..1 and does not vanish when everything is right.
 */
export function wilson(correct: number, count: number): readonly [low: number, high: number] {
  if (count === 0) return [0, 1];
  const p = correct / count;
  const share = z ** 2 / count;
  const centre = (p + share / 2) / (1 + share);
  const half = (z / (1 + share)) * Math.sqrt((p * (1 - p)) / count + share / (4 * count));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
