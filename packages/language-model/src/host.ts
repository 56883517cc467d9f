import type { CallOptions, HostTensor } from '@emu-ts/base';
import { type AnyTensor, isDeviceTensor } from '@emu-ts/graph';

/** The tensor in host memory; a device tensor is copied and stays as it was. */
export const toHost = async (t: AnyTensor, options?: CallOptions): Promise<HostTensor> =>
  isDeviceTensor(t) ? t.read(options) : t;

/** Frees what an executor holds; does nothing for a host tensor. */
export const discard = (t: AnyTensor): void => {
  if (isDeviceTensor(t)) t.dispose();
};

/** The tensor in host memory; a device tensor is freed, whether or not reading it works. */
export async function takeHost(t: AnyTensor, options?: CallOptions): Promise<HostTensor> {
  try {
    return await toHost(t, options);
  } finally {
    discard(t);
  }
}

/** Copies `count` positions of every row of [b t width]. */
export function copyPositions(
  from: HostTensor,
  start: number,
  to: HostTensor<'f32'>,
  at: number,
  count: number,
): void {
  const [batch, length, width] = from.shape;
  for (let row = 0; row < batch; row++) {
    const source = (row * length + start) * width;
    const part = (from.data as Float32Array).subarray(source, source + count * width);
    to.data.set(part, (row * to.shape[1] + at) * width);
  }
}
