import type { CallOptions } from '@emu-ts/base';
import { t5CausalTransformer } from '@emu-ts/causal-transformer';
import { diffusersVae, renamed } from '@emu-ts/checkpoint';
import {
  conditionWidth,
  parseUnetConfig,
  parseVaeConfig,
  unet,
  unetParams,
  vaeDecode,
  vaeParams,
} from '@emu-ts/diffusion-decoder';
import { type Graph, graphOf, input, iota, tensorType, type Value } from '@emu-ts/graph';
import { llamaModel, llamaPrefix } from '@emu-ts/language-model';
import { attention } from '@emu-ts/nn';
import { type Exported, exportOnnx } from '@emu-ts/onnx';
import { loadParams, type ParamTree, paramInputs, type TensorSource } from '@emu-ts/params';
import { linearHead } from '@emu-ts/regression-head';
import { evaClip } from '@emu-ts/visual-encoder';
import type { CheckpointLocation } from './load/files.js';
import { needPart } from './load/layout.js';
import { type EmuSource, openPart, openSource, readJson, type SourceOptions } from './load/source.js';

/** What can be written as an ONNX file of its own. */
export const exportable = [
  'visual-encoder',
  'causal-transformer',
  'language-model',
  'regression-head',
  'unet',
  'vae-decoder',
] as const;
export type Exportable = (typeof exportable)[number];

/** A component as ONNX sees it: weights, where they are, and a trace at sizes of its named axes. */
interface Plan {
  readonly params: ParamTree;
  readonly source: TensorSource;
  readonly axes: Readonly<Record<string, readonly number[]>>;
  trace(sizes: Readonly<Record<string, number>>): Graph;
}

const f32 = (name: string, ...shape: number[]): Value => input(name, tensorType('f32', shape));
const batch = [2, 3];

/** Writes one component of a checkpoint as an ONNX file with named, dynamic axes. Node only. */
export async function exportComponent(
  location: CheckpointLocation,
  component: Exportable,
  path: string,
  options: SourceOptions = {},
): Promise<Exported> {
  await using source = await openSource(location, options);
  await using plan = await planFor(component, source, options);
  const { params, axes, trace } = plan;
  const { signal, onProgress } = options;
  const used = new Set(
    Object.keys(trace(Object.fromEntries(Object.entries(axes).map(([axis, [size]]) => [axis, size]))).inputs),
  );
  const loaded = await loadParams(params, plan.source, { allowUnused: [/./], signal, onProgress });
  const weights = Object.fromEntries([...loaded].filter(([name]) => used.has(name)));
  return exportOnnx({ trace, axes }, { path, name: component, weights, signal, onProgress });
}

async function planFor(
  component: Exportable,
  source: EmuSource,
  call: CallOptions,
): Promise<Plan & AsyncDisposable> {
  if (component === 'unet' || component === 'vae-decoder') return decoderPlan(component, source, call);
  return { ...encoderPlan(component, source), source: source.weights, async [Symbol.asyncDispose]() {} };
}

/** The parts of the multimodal encoder. */
function encoderPlan(
  component: Exclude<Exportable, 'unet' | 'vae-decoder'>,
  { config: { vision, causal, language } }: EmuSource,
): Omit<Plan, 'source'> {
  if (component === 'visual-encoder') {
    const { params, forward, imageSize } = evaClip(vision);
    const trace = ({ batch }: Record<string, number>) =>
      graphOf({ features: forward(paramInputs(params), f32('pixels', batch, 3, imageSize, imageSize)) });
    return { params, axes: { batch }, trace };
  }
  if (component === 'causal-transformer') {
    const { params, forward, inputWidth } = t5CausalTransformer(causal);
    const { tokens } = evaClip(vision);
    const trace = ({ batch }: Record<string, number>) =>
      graphOf({ embeddings: forward(paramInputs(params), f32('features', batch, tokens, inputWidth)) });
    return { params, axes: { batch }, trace };
  }
  if (component === 'regression-head') {
    const { params, forward, width } = linearHead({ width: language.width }, llamaPrefix(language));
    const trace = ({ rows }: Record<string, number>) =>
      graphOf({ embeddings: forward(paramInputs(params), f32('hidden', rows, width)) });
    return { params, axes: { rows: batch }, trace };
  }
  const { params, read, logits, width } = llamaModel(language);
  const trace = ({ batch, length }: Record<string, number>) => {
    const p = paramInputs(params);
    const hidden = read(p, f32('embeddings', batch, length, width), {
      positions: iota([batch, length], 1),
      attend: (_, operands, scale) => attention(operands, { scale, causal: true }),
    });
    return graphOf({ hidden, logits: logits(p, hidden) });
  };
  return { params, axes: { batch, length: [5, 7, 11] }, trace };
}

/** The parts of the diffusion decoder, at the size they were trained for. */
async function decoderPlan(
  component: 'unet' | 'vae-decoder',
  { files, layout }: EmuSource,
  call: CallOptions,
): Promise<Plan & AsyncDisposable> {
  const json = (part: 'unetConfig' | 'vaeConfig') => readJson(files, needPart(files, layout, part), call);
  const config = parseUnetConfig(await json('unetConfig'));
  const latents = (batch: number) =>
    f32('latents', batch, config.inChannels, config.sampleSize, config.sampleSize);
  const close = (opened: TensorSource & AsyncDisposable) => ({
    source: opened,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  });
  if (component === 'unet') {
    const params = unetParams(config);
    const trace = ({ batch, rows }: Record<string, number>) => {
      const context = f32('context', batch, rows, conditionWidth(config));
      const timesteps = f32('timesteps', batch);
      return graphOf({
        output: unet(paramInputs(params), { latents: latents(batch), timesteps, context }, config).output,
      });
    };
    return {
      params,
      axes: { batch, rows: [5, 7] },
      trace,
      ...close(await openPart(files, layout, 'unet', call)),
    };
  }
  const vae = parseVaeConfig(await json('vaeConfig'));
  const params = vaeParams(vae);
  const trace = ({ batch }: Record<string, number>) =>
    graphOf({ image: vaeDecode(paramInputs(params), latents(batch), vae) });
  return {
    params,
    axes: { batch },
    trace,
    ...close(renamed(await openPart(files, layout, 'vae', call), [diffusersVae])),
  };
}
