import type { ShapeName } from './vocabulary.js';

/** A shape of radius 1 around the origin, by its signed distance: negative inside, in units of the radius. */
export interface Outline {
  distance(x: number, y: number): number;
  /** Distance of the furthest point from the centre. */
  readonly reach: number;
  /** Everything nearer to the centre than this is inside; 0 for a shape with a hole. */
  readonly solid: number;
  /** Turns by this angle leave it as it is; 0 when any turn does. */
  readonly symmetry: number;
}

type Polygon = readonly (readonly [x: number, y: number])[];

/** Corners on circles of the given radii in turn, the first one up. */
const spokes = (count: number, ...radii: number[]): Polygon =>
  Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count - Math.PI / 2;
    const radius = radii[i % radii.length];
    return [radius * Math.cos(angle), radius * Math.sin(angle)] as const;
  });

const mirrored = (half: Polygon): Polygon => [...half, ...half.map(([x, y]) => [-x, y] as const).reverse()];

/** A plus sign: arms of half-width `w` that end at `e`. */
const plus = (w: number, e: number): Polygon => [
  [w, -e],
  [w, -w],
  [e, -w],
  [e, w],
  [w, w],
  [w, e],
  [-w, e],
  [-w, w],
  [-e, w],
  [-e, -w],
  [-w, -w],
  [-w, -e],
];

/** The usual parametric heart, its centre of mass near the origin. */
const heart: Polygon = mirrored(
  Array.from({ length: 17 }, (_, i) => {
    const t = (Math.PI * i) / 16;
    const x = 16 * Math.sin(t) ** 3;
    const y = 13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t);
    return [x / 14, -(y - 1.5) / 14] as const;
  }),
);

/** Distance to the nearest edge, signed by the even–odd rule. */
function polygon(corners: Polygon, symmetry: number): Outline {
  const n = corners.length;
  const edges = corners.map(([ax, ay], i) => {
    const [bx, by] = corners[(i + 1) % n];
    const [dx, dy] = [bx - ax, by - ay];
    return { ax, ay, by, dx, dy, inverse: 1 / Math.max(1e-12, dx * dx + dy * dy) };
  });
  const distance = (x: number, y: number) => {
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (const { ax, ay, by, dx, dy, inverse } of edges) {
      const [px, py] = [x - ax, y - ay];
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) * inverse));
      const [ex, ey] = [px - t * dx, py - t * dy];
      nearest = Math.min(nearest, ex * ex + ey * ey);
      if (ay > y !== by > y && px < (dx * py) / dy) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
  const reach = Math.max(...corners.map(([x, y]) => Math.hypot(x, y)));
  return { distance, reach, solid: -distance(0, 0), symmetry };
}

const turn = 2 * Math.PI;
const ring = { outer: 1.08, inner: 0.6 };

/** Scaled so that shapes of one radius look equally large. */
export const outlines: Readonly<Record<ShapeName, Outline>> = {
  circle: { distance: (x, y) => Math.hypot(x, y) - 1, reach: 1, solid: 1, symmetry: 0 },
  square: polygon(
    spokes(4, 1.22).map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]),
    turn / 4,
  ),
  triangle: polygon(spokes(3, 1.27), turn / 3),
  pentagon: polygon(spokes(5, 1.12), turn / 5),
  star: polygon(spokes(10, 1.27, 0.54), turn / 5),
  cross: polygon(plus(0.38, 1.14), turn / 4),
  ring: {
    distance: (x, y) => {
      const r = Math.hypot(x, y);
      return Math.max(r - ring.outer, ring.inner - r);
    },
    reach: ring.outer,
    solid: 0,
    symmetry: 0,
  },
  heart: polygon(heart, turn),
};
