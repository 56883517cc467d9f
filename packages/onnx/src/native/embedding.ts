import type { NativeLowering } from '../lower/context.js';
import { hostType, onnxType } from '../model/dtype.js';

/** Rows of a table, widened after they have been picked. */
export const embedding: NativeLowering = {
  op: 'nn.embedding',
  becomes: 'Gather',
  supports: () => true,
  lower({ model, inputs: { ids, weight }, outputs: { y } }) {
    const rows = model.emit('Gather', [weight.name, ids.name], { axis: 0 });
    const same = hostType(weight.dtype) === hostType(y.dtype);
    return { y: same ? rows : model.emit('Cast', [rows], { to: onnxType(y.dtype) }) };
  },
};
