import { type QuantizedBits, type QuantizedWeight, quantizeLinear } from '@emu-ts/nn';
import { flatten, type ParamTree, type TensorSource } from '@emu-ts/params';

/**
 * A source of plain weights as the source that a quantised tree wants: where the tree has `codes` and `scales`, they
 * are computed from the `weight` of the same path when they are read.
 */
export function quantizeSource(source: TensorSource, params: ParamTree): TensorSource {
  const wanted = flatten(params);
  const bits = (path: string): QuantizedBits | undefined => {
    const codes = wanted.get(`${path}.codes`);
    return codes && (codes.shape[2] === 16 ? 4 : 8);
  };
  const entries = new Map(
    [...source.entries].flatMap(([name, type]) => {
      const path = name.replace(/\.weight$/, '');
      const parts = bits(path) ? [`${path}.codes`, `${path}.scales`] : [];
      return parts.length
        ? parts.map((part) => [part, wanted.get(part) ?? type] as const)
        : [[name, type] as const];
    }),
  );
  let latest: ({ readonly path: string } & QuantizedWeight) | undefined;
  return {
    entries,
    async read(name, options) {
      const [, path, part] = /^(.*)\.(codes|scales)$/.exec(name) ?? [];
      const width = path && bits(path);
      if (!width) return source.read(name, options);
      const known = latest?.path === path ? latest : undefined;
      const weight = known ?? {
        path,
        ...quantizeLinear(await source.read(`${path}.weight`, options), width),
      };
      latest = weight; // codes and scales are read one after the other
      return part === 'codes' ? weight.codes : weight.scales;
    },
  };
}
