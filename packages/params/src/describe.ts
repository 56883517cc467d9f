import { formatType, size } from '@emu-ts/graph';
import { flatten, type ParamTree } from './param.js';

/** Numbers in all weights of a tree. */
export const countParams = (tree: ParamTree): number =>
  [...flatten(tree).values()].reduce((n, weight) => n + size(weight), 0);

/**
 * A tree as text, one line per weight, with numbered repetitions folded into one line:
 *
 *     blocks.*.norm.weight  f32[8]    ×4
 *     head.weight           f32[3,8]
 *     5 tensors, 56 parameters
 */
export function describe(tree: ParamTree, prefix = ''): string {
  const weights = flatten(tree, prefix);
  const rows = new Map<string, { name: string; type: string; count: number }>();
  for (const [path, weight] of weights) {
    const name = path.replace(/(?<=^|\.)\d+(?=\.|$)/g, '*');
    const type = formatType(weight);
    const row = rows.get(`${name} ${type}`) ?? { name, type, count: 0 };
    row.count++;
    rows.set(`${name} ${type}`, row);
  }
  const widest = (of: 'name' | 'type') => Math.max(0, ...[...rows.values()].map((row) => row[of].length));
  const [names, types] = [widest('name'), widest('type')];
  const lines = [...rows.values()].map(({ name, type, count }) =>
    `${name.padEnd(names)}  ${type.padEnd(types)}${count > 1 ? `  ×${count}` : ''}`.trimEnd(),
  );
  const total = countParams(tree).toLocaleString('en-US');
  return [...lines, `${weights.size} tensors, ${total} parameters`].join('\n');
}
