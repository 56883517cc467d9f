import { type CheckpointNote, convertCheckpoint, inspect, openCheckpoint } from '@emu-ts/checkpoint';
import type { Command } from 'commander';
import { print } from '../print.js';
import { progressLine } from '../progress.js';

/** Commands on files; no model is loaded. */
export function checkpointCommands(emu: Command, signal: AbortSignal): void {
  emu
    .command('inspect')
    .description('say what a checkpoint file or folder of weights holds')
    .argument('<checkpoint>', 'safetensors, a PyTorch file, an index or a folder')
    .option('--depth <n>', 'parts of a name to group by', Number, 2)
    .option('--tensors', 'list every tensor')
    .option('--json', 'print JSON')
    .action(
      async (
        path: string,
        { depth, tensors, json }: { depth: number; tensors?: boolean; json?: boolean },
      ) => {
        await using checkpoint = await openCheckpoint(path, { signal });
        const summary = inspect(checkpoint, { depth });
        if (json) {
          print({ ...summary, ...(tensors ? { entries: Object.fromEntries(checkpoint.entries) } : {}) });
          return;
        }
        const out = (line: string) => void process.stdout.write(`${line}\n`);
        out(
          `${summary.format}: ${summary.tensors} tensors, ${count(summary.parameters)} parameters, ${bytes(summary.bytes)}`,
        );
        for (const [dtype, tally] of Object.entries(summary.dtypes))
          out(`  ${dtype.padEnd(6)} ${count(tally.parameters)} parameters`);
        for (const [prefix, tally] of Object.entries(summary.prefixes)) {
          out(
            `  ${prefix.padEnd(36)} ${String(tally.tensors).padStart(5)} tensors ${count(tally.parameters).padStart(9)}`,
          );
        }
        for (const line of noteLines(summary.notes)) out(`  note: ${line}`);
        if (tensors)
          for (const [name, { dtype, shape }] of checkpoint.entries)
            out(`${name} ${dtype}[${shape.join(',')}]`);
      },
    );

  emu
    .command('convert')
    .description('turn any readable checkpoint into safetensors, one tensor in memory at a time')
    .argument('<source>')
    .argument('<destination>', 'a .safetensors file; replaced only when the new one is whole')
    .option('--dtype <name>', 'convert floating-point tensors to f32, f16 or bf16')
    .option('--max-shard <megabytes>', 'split into files of at most this size', Number)
    .option('--json', 'print JSON')
    .action(
      async (
        source: string,
        destination: string,
        words: { dtype?: string; maxShard?: number; json?: boolean },
      ) => {
        const line = progressLine();
        const result = await convertCheckpoint(source, destination, {
          ...(words.dtype ? { dtype: words.dtype as 'f32' | 'f16' | 'bf16' } : {}),
          ...(words.maxShard ? { maxShardBytes: words.maxShard * 2 ** 20 } : {}),
          signal,
          onProgress: line.update,
        });
        line.clear();
        if (words.json) print(result);
        else process.stdout.write(`${destination}\n`);
      },
    );
}

/** The first notes of each kind; a file may have one for every tensor. */
function noteLines(notes: readonly CheckpointNote[], most = 3): string[] {
  const kinds = new Map<string, CheckpointNote[]>();
  for (const note of notes) kinds.set(note.kind, [...(kinds.get(note.kind) ?? []), note]);
  return [...kinds].flatMap(([kind, list]) => [
    ...list.slice(0, most).map(({ name, detail }) => `${kind} ${name}: ${detail}`),
    ...(list.length > most ? [`${kind}: ${list.length - most} more`] : []),
  ]);
}

const units = (value: number, base: number, names: readonly string[]): string => {
  const power = Math.min(Math.floor(Math.log(Math.max(value, 1)) / Math.log(base)), names.length - 1);
  return `${(value / base ** power).toFixed(power ? 2 : 0)} ${names[power]}`.trim();
};
export const count = (value: number): string => units(value, 1000, ['', 'k', 'M', 'G']);
export const bytes = (value: number): string => units(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
