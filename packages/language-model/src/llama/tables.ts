import { convert, type HostTensor } from '@emu-ts/base';
import { ropeTable } from '@emu-ts/nn';
import { headSize, type LlamaConfig } from './config.js';

/** cos and sin of the first `positions` positions, each f32 [positions headSize/2], rounded as the configuration says. */
export function rotaryTables(
  c: LlamaConfig,
  positions = c.contextLength,
): { readonly cos: HostTensor; readonly sin: HostTensor } {
  const { cos, sin } = ropeTable(positions, headSize(c), c.ropeBase);
  const rounded = (table: HostTensor) => convert(convert(table, c.ropeTable), 'f32');
  return { cos: rounded(cos), sin: rounded(sin) };
}
