import type { NativeLowering } from '../lower/context.js';
import { float } from '../model/protos.js';
import { product } from '../model/size.js';
import { onlyF32 } from './f32.js';

/** The operator gives the row statistics too, so a training graph uses it as well. */
export const layerNorm: NativeLowering = {
  op: 'nn.layer_norm',
  becomes: 'LayerNormalization',
  supports: (node) => onlyF32(node),
  lower({ model, inputs: { x, weight, bias }, attrs }) {
    const [y, mean, rstd] = model.emitAll(
      'LayerNormalization',
      [x.name, weight.name, bias.name],
      { axis: -1, epsilon: float(attrs.eps as number) },
      { results: 3 },
    );
    return { y, mean, rstd };
  },
};

/** ONNX Runtime's own name for it; as a standard operator it appears only in opset 23. */
export const rmsNorm: NativeLowering = {
  op: 'nn.rms_norm',
  becomes: 'SimplifiedLayerNormalization',
  supports: (node) => onlyF32(node),
  lower({ model, inputs: { x, weight }, attrs }) {
    const [y, rstd] = model.emitAll(
      'SimplifiedLayerNormalization',
      [x.name, weight.name],
      { axis: -1, epsilon: float(attrs.eps as number), stash_type: 1 },
      { results: 2 },
    );
    return { y, rstd };
  },
};

/** Every group as one channel of an instance normalisation; then scale and shift per channel. */
export const groupNorm: NativeLowering = {
  op: 'nn.group_norm',
  becomes: 'InstanceNormalization',
  supports: (node) => onlyF32(node),
  lower({ model, inputs: { x, weight, bias }, attrs }) {
    const groups = attrs.groups as number;
    const [n, channels, ...positions] = x.shape;
    const perGroup = (channels as number) / groups;
    const spread = (value: number) =>
      model.emit('Expand', [model.scalar('f32', value), model.ints([groups])]);
    const grouped = model.reshape(x.name, [n, groups, product([perGroup, ...positions])]);
    const normal = model.emit('InstanceNormalization', [grouped, spread(1), spread(0)], {
      epsilon: float(attrs.eps as number),
    });
    const channel = (name: string) => model.reshape(name, [channels, ...positions.map(() => 1)]);
    const scaled = model.emit('Mul', [model.reshape(normal, x.shape), channel(weight.name)]);
    return { y: model.emit('Add', [scaled, channel(bias.name)]) };
  },
};
