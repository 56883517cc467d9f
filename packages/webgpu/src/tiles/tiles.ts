/// <reference path="../wgsl.d.ts" />
import { matrixFeatures } from '../device/matrix-units.js';
import type { Pass } from '../kernel/kernel.js';
import aAcross from './a-across.wgsl';
import aAlong from './a-along.wgsl';
import bAcross from './b-across.wgsl';
import bAlong from './b-along.wgsl';
import columnsApart from './columns-apart.wgsl';
import columnsBeside from './columns-beside.wgsl';
import keep from './keep.wgsl';
import registerLoop from './loop.wgsl';
import matrices from './matrices.wgsl';
import multiply from './multiply.wgsl';
import unitAAcross from './units/a-across.wgsl';
import unitAAlong from './units/a-along.wgsl';
import unitBAcross from './units/b-across.wgsl';
import unitBAlong from './units/b-along.wgsl';
import half from './units/half.wgsl';
import unitLoop from './units/loop.wgsl';

const registers = {
  a: { along: aAlong, across: aAcross },
  b: { along: bAlong, across: bAcross },
  loop: `${multiply}\n${registerLoop}`,
};
const matrixUnits: typeof registers = {
  a: { along: unitAAlong, across: unitAAcross },
  b: { along: unitBAlong, across: unitBAcross },
  loop: `${half}\n${unitLoop}`,
};
const columns = { along: columnsApart, across: columnsBeside };

/** Features that a pass needs for what stands behind its source. */
export const featuresOfTiles = ({ tiles }: Pick<Pass, 'tiles'>): readonly string[] =>
  tiles === 'units' || (typeof tiles === 'object' && tiles.units) ? matrixFeatures : [];

/** The text of a pass, with what products in tiles have in common behind it: lines keep their numbers. */
export function sourceOf({ source, tiles }: Pick<Pass, 'source' | 'tiles'>): string {
  if (!tiles) return source;
  if (tiles === 'units') return `${source}\n${half}`;
  if (tiles === 'loop') return `${source}\n${registerLoop}`;
  const { a, b, loop } = tiles.units ? matrixUnits : registers;
  const parts = [source, tiles.matrices ? matrices : '', a[tiles.a], b[tiles.b], columns[tiles.b], loop];
  return [...parts, tiles.keep ? keep : ''].join('\n');
}
