import type { Tensor } from 'onnxruntime-common';

/** Arrays of fewer bytes are left to the collector. */
const worthIt = 2 ** 16;

/**
 * Gives memory back at once. A training step hands out its whole state anew; left to the collector, which it makes run
 * several times a step, the arrays before lie about and the next ones come from cold memory. A message to a closed port
 * detaches what it carries, and nobody receives it. (`ArrayBuffer.prototype.transfer` would do, from Node 21 on.)
 * @param tensors of which nobody holds the elements
 */
export function free(tensors: Iterable<Tensor>): void {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) {
    if (!ArrayBuffer.isView(data) || data.byteLength < worthIt) continue;
    const { buffer, byteLength } = data;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffers.add(buffer);
  }
  if (!buffers.size || typeof MessageChannel === 'undefined') return;
  const { port1 } = new MessageChannel();
  port1.close();
  port1.postMessage(null, [...buffers]);
}
