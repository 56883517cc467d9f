import { tensor } from '@emu-ts/base';
import type { NativeLowering } from '../lower/context.js';
import { onlyF32 } from './f32.js';

/** Every pixel repeated: a resize by whole factors that picks the pixel at or before each position. */
export const upsampleNearest: NativeLowering = {
  op: 'nn.upsample_nearest',
  becomes: 'Resize',
  supports: (node) => onlyF32(node),
  lower({ model, inputs: { x }, attrs }) {
    const factor = attrs.factor as number;
    const scales = model.constant(tensor('f32', [4], [1, 1, factor, factor]));
    const y = model.emit('Resize', [x.name, '', scales], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    return { y };
  },
};
