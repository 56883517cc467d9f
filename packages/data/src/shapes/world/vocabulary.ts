/** The words of the shapes world and what they look like. Every list is closed: parsers and judges know all of it. */

export const shapeNames = [
  'circle',
  'square',
  'triangle',
  'pentagon',
  'star',
  'cross',
  'ring',
  'heart',
] as const;
export const colourNames = ['red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'purple', 'pink'] as const;
export const sizeNames = ['small', 'large'] as const;
export const relationNames = ['left of', 'right of', 'above', 'below'] as const;
export const placeNames = [
  'top left',
  'top',
  'top right',
  'left',
  'centre',
  'right',
  'bottom left',
  'bottom',
  'bottom right',
] as const;
export const numberNames = ['zero', 'one', 'two', 'three', 'four'] as const;
/** What may be asked of a scene. */
export const questionKinds = [
  'colour',
  'shape',
  'size',
  'count',
  'position',
  'relation',
  'between',
  'yes-no',
] as const;

export type ShapeName = (typeof shapeNames)[number];
export type ColourName = (typeof colourNames)[number];
export type SizeName = (typeof sizeNames)[number];
export type RelationName = (typeof relationNames)[number];
export type PlaceName = (typeof placeNames)[number];
export type QuestionKind = (typeof questionKinds)[number];

/** 8-bit red, green and blue. */
export type Rgb = readonly [red: number, green: number, blue: number];

type Span = readonly [from: number, to: number];

/**
 * Where a named colour may be drawn: hue in degrees, saturation and value in 0..1. Wide on purpose, so that the pure
 * colours of other programs (CSS `green`, `purple`, `pink`) lie inside, with gaps between neighbours.
 */
export const palette: Readonly<Record<ColourName, readonly { hue: Span; saturation: Span; value: Span }[]>> =
  {
    red: [{ hue: [-7, 9], saturation: [0.75, 1], value: [0.72, 1] }],
    orange: [{ hue: [24, 39], saturation: [0.8, 1], value: [0.88, 1] }],
    yellow: [{ hue: [51, 62], saturation: [0.7, 1], value: [0.88, 1] }],
    green: [{ hue: [96, 146], saturation: [0.55, 1], value: [0.45, 1] }],
    cyan: [{ hue: [174, 190], saturation: [0.6, 1], value: [0.75, 1] }],
    blue: [{ hue: [214, 242], saturation: [0.65, 1], value: [0.65, 1] }],
    purple: [{ hue: [266, 300], saturation: [0.55, 1], value: [0.45, 0.8] }],
    pink: [
      { hue: [322, 338], saturation: [0.38, 0.68], value: [0.94, 1] },
      { hue: [344, 352], saturation: [0.22, 0.36], value: [0.96, 1] },
    ],
  };

/** Radius as a part of the picture's side. The gap between the two keeps them apart at 64 pixels. */
export const radii: Readonly<Record<SizeName, Span>> = { small: [0.108, 0.122], large: [0.152, 0.18] };

/** The radius at which a small object becomes a large one: the geometric mean of the gap's ends. */
export const sizeBoundary = Math.sqrt(radii.small[1] * radii.large[0]);

export const opposite: Readonly<Record<RelationName, RelationName>> = {
  'left of': 'right of',
  'right of': 'left of',
  above: 'below',
  below: 'above',
};
