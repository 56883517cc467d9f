/// <reference path="../wgsl.d.ts" />
import type { Pass } from '../kernel/kernel.js';
import aAcross from './a-across.wgsl';
import aAlong from './a-along.wgsl';
import bAcross from './b-across.wgsl';
import bAlong from './b-along.wgsl';
import keep from './keep.wgsl';
import loop from './loop.wgsl';
import matrices from './matrices.wgsl';
import multiply from './multiply.wgsl';

const bring = { a: { along: aAlong, across: aAcross }, b: { along: bAlong, across: bAcross } };

/** The text of a pass, with what products in tiles have in common behind it: lines keep their numbers. */
export function sourceOf({ source, tiles }: Pick<Pass, 'source' | 'tiles'>): string {
  if (!tiles) return source;
  if (tiles === 'loop') return [source, loop].join('\n');
  return [
    source,
    tiles.matrices ? matrices : '',
    bring.a[tiles.a],
    bring.b[tiles.b],
    multiply,
    loop,
    tiles.keep ? keep : '',
  ].join('\n');
}
