import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `scripts/gpu-report.ts FILE`: what share of a card's peak the benchmarks of the group `webgpu` reached, by the GPU's own
 * clock, and how they stand beside ONNX Runtime's WebGPU provider. Written to docs/benchmarks/<adapter>.json.
 */
interface Result {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly ratio?: number;
  readonly baseline?: { readonly name: string; readonly value: number };
  readonly peer?: string;
  readonly adapter?: string;
  readonly gpuMs?: number;
  readonly flops?: number;
  readonly bytes?: number;
}

/** Peaks by data sheet: bytes/s, and FLOP/s in f32 and, dense with f32 sums, in f16. */
const cards: readonly { card: RegExp; bandwidth: number; f32: number; f16: number }[] = [
  { card: /H200/, bandwidth: 4.8e12, f32: 67e12, f16: 989e12 },
  { card: /H100/, bandwidth: 3.35e12, f32: 67e12, f16: 989e12 },
  { card: /A100/, bandwidth: 2.04e12, f32: 19.5e12, f16: 312e12 },
  { card: /L40S/, bandwidth: 0.864e12, f32: 91.6e12, f16: 362e12 },
  { card: /RTX 4090/, bandwidth: 1.008e12, f32: 82.6e12, f16: 165e12 },
  { card: /RTX 3090/, bandwidth: 0.936e12, f32: 35.6e12, f16: 71e12 },
];

const [file = 'bench-results/latest.json'] = process.argv.slice(2);
const { machine, results } = JSON.parse(readFileSync(file, 'utf8')) as {
  machine: object;
  results: readonly Result[];
};
const measured = results.filter(({ name }) => name.startsWith('webgpu '));
const adapter = measured.find((result) => result.adapter)?.adapter;
if (!adapter) {
  console.error(`${file} holds no result of the group 'webgpu' that ran on an adapter.`);
  process.exit(1);
}
const peak = cards.find(({ card }) => card.test(adapter));
const percent = (part: number, whole: number | undefined) =>
  whole ? Math.round((1000 * part) / whole) / 10 : undefined;

const rows = measured.map((result) => {
  const { name, gpuMs, flops, bytes } = result;
  if (!gpuMs || !flops || !bytes) return result;
  const [bandwidth, rate] = [bytes / gpuMs / 1e-3, flops / gpuMs / 1e-3];
  const narrow = /f16|int8|int4/.test(name);
  return {
    ...result,
    '% of bandwidth': percent(bandwidth, peak?.bandwidth),
    '% of FLOP/s': percent(rate, narrow ? peak?.f16 : peak?.f32),
  };
});

console.log(`${adapter}${peak ? '' : ': its peaks are not known here, so there are no shares of them'}\n`);
for (const row of rows) {
  const shares = ['% of bandwidth', '% of FLOP/s'].flatMap((title) => {
    const share = (row as Record<string, unknown>)[title];
    return share === undefined ? [] : [`${share} ${title}`];
  });
  const beside = row.ratio ? [`${row.ratio.toFixed(2)} × ${row.baseline?.name}`] : row.peer ? [row.peer] : [];
  const gpu = row.gpuMs ? [`${row.gpuMs.toPrecision(3)} ms on the GPU`] : [];
  console.log(
    `${row.name.padEnd(64)} ${row.value.toPrecision(3)} ${row.unit}  ${[...gpu, ...shares, ...beside].join(', ')}`,
  );
}
const slug = adapter
  .toLowerCase()
  .replace(/[^a-z0-9]+/g, '-')
  .replace(/^-|-$/g, '');
const folder = fileURLToPath(new URL('../docs/benchmarks/', import.meta.url));
mkdirSync(folder, { recursive: true });
const written = path.join(folder, `${slug}.json`);
writeFileSync(written, `${JSON.stringify({ machine, adapter, peak, results: rows }, null, 2)}\n`);
console.log(`\nWritten to ${path.relative(process.cwd(), written)}`);
