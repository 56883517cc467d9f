/** What was read back from a device. */
export interface Reads {
  /** Bytes of each read, in order. */
  readonly bytes: readonly number[];
  /** Reads under way at once, at most. */
  readonly most: number;
}

/** Watches what a device copies back to the host while `work` runs. */
export async function watchReads(device: GPUDevice, work: () => Promise<void>): Promise<Reads> {
  const prototype = Object.getPrototypeOf(device.createBuffer({ size: 16, usage: 0x9 })) as GPUBuffer;
  const { mapAsync } = prototype;
  const bytes: number[] = [];
  let [waiting, most] = [0, 0];
  prototype.mapAsync = function (mode, offset, size) {
    bytes.push(size ?? this.size);
    most = Math.max(most, ++waiting);
    return mapAsync.call(this, mode, offset, size).finally(() => waiting--);
  };
  await work().finally(() => {
    prototype.mapAsync = mapAsync;
  });
  return { bytes, most };
}
