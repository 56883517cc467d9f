import { EmuError } from '@emu-ts/base';

/** There is no WebGPU here, or it offers no adapter. `code` is `NO_ADAPTER`. */
export class NoAdapterError extends EmuError {
  constructor(message: string, options?: { hint?: string; cause?: unknown }) {
    super('NO_ADAPTER', message, options);
  }
}

/** A tensor or kernel needs more than the device allows. `code` is `DEVICE_LIMIT`. */
export class DeviceLimitError extends EmuError {
  readonly limit: string;
  readonly needed: number;
  readonly available: number;

  constructor(what: string, limit: string, needed: number, available: number) {
    super('DEVICE_LIMIT', `${what} needs ${limit} of ${needed}, this device has ${available}.`, {
      hint: 'Use smaller storage (f16, int8, int4), fewer rows at once, or a device with a higher limit.',
    });
    this.limit = limit;
    this.needed = needed;
    this.available = available;
  }
}

/** A shader does not compile. `line` counts from the first line of the kernel's `.wgsl` file. `code` is `SHADER`. */
export class ShaderError extends EmuError {
  readonly line: number;

  constructor(kernel: string, line: number, reason: string) {
    super('SHADER', `The shader of ${kernel} does not compile: line ${line}: ${reason}`);
    this.line = line;
  }
}

/** The device has no memory left. `code` is `OUT_OF_MEMORY`. */
export class OutOfMemoryError extends EmuError {
  constructor(what: string, detail: string) {
    super('OUT_OF_MEMORY', `There is no GPU memory left for ${what} (${detail}).`, {
      hint: 'Dispose tensors and programs that are no longer needed, or use a smaller model or storage type.',
    });
  }
}

/** The device is gone: driver reset, unplugged, or destroyed by its owner. `code` is `DEVICE_LOST`. */
export class DeviceLostError extends EmuError {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super('DEVICE_LOST', `The GPU device was lost (${reason}${message ? `: ${message}` : ''}).`, {
      hint: 'Its tensors are gone. Call recover() on the executor, then run again.',
    });
    this.reason = reason;
  }
}

/** WebGPU refused a call: a defect of this package or of a kernel. `code` is `VALIDATION`. */
export class ValidationError extends EmuError {
  constructor(what: string, detail: string) {
    super('VALIDATION', `WebGPU refused ${what}: ${detail}`);
  }
}

/** The typed form of what an error scope or `uncapturederror` reports. */
export function typedError(what: string, error: GPUError): EmuError {
  const kind = error.constructor.name;
  if (kind === 'GPUOutOfMemoryError') return new OutOfMemoryError(what, error.message.split('\n')[0]);
  return new ValidationError(what, error.message);
}

/** Runs `action` and waits for what WebGPU has to say about it. */
export async function guarded<T>(device: GPUDevice, what: string, action: () => T): Promise<T> {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('internal');
  device.pushErrorScope('validation');
  let result: T;
  const pop = () => Promise.all([device.popErrorScope(), device.popErrorScope(), device.popErrorScope()]);
  try {
    result = action();
  } catch (cause) {
    await pop();
    throw cause;
  }
  const error = (await pop()).find((found) => found !== null);
  if (error) throw typedError(what, error);
  return result;
}
