import type { Shader } from '../kernel/header.js';
import type { Overrides } from '../kernel/kernel.js';
import { ShaderError, typedError } from './errors.js';
import { resting } from './resting.js';

/** A compiled pipeline and the layout its bind groups follow. */
export interface Pipeline {
  readonly id: number;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const COMPUTE = 0x4;

/**
 * Pipelines by what they are made of: the assembled text and the override values. There is no key to write by hand, so
 * none can go stale.
 */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  #next = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get count(): number {
    return this.#pipelines.size;
  }

  /** Throws `ShaderError` with the compiler's message and the line of the `.wgsl` file. */
  get(kernel: string, shader: Shader, overrides: Overrides): Promise<Pipeline> {
    const key = `${shader.text}\0${JSON.stringify(overrides)}`;
    let found = this.#pipelines.get(key);
    if (!found) {
      found = this.#create(kernel, shader, overrides);
      this.#pipelines.set(key, found);
      found.catch(() => this.#pipelines.delete(key));
    }
    return found;
  }

  async #create(
    kernel: string,
    { text, headerLines, signature }: Shader,
    overrides: Overrides,
  ): Promise<Pipeline> {
    const device = this.#device;
    const layout = this.#layout(signature);
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: text, label: kernel });
    const popped = device.popErrorScope();
    device.pushErrorScope('validation');
    const created = device
      .createComputePipelineAsync({
        label: kernel,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main', constants: { ...overrides } },
      })
      .then(
        (pipeline) => ({ pipeline }),
        (error: unknown) => ({ error }),
      );
    const laidOut = device.popErrorScope();
    const invalid = await resting(device, popped);
    if (invalid) {
      const { messages } = await module.getCompilationInfo();
      const first = messages.find(({ type }) => type === 'error');
      throw new ShaderError(
        kernel,
        first ? first.lineNum - headerLines : 0,
        first?.message ?? invalid.message,
      );
    }
    const result = await resting(device, created);
    const refused = await laidOut;
    if ('pipeline' in result && !refused) return { id: this.#next++, pipeline: result.pipeline, layout };
    if (refused) throw typedError(`the pipeline of ${kernel}`, refused);
    throw new ShaderError(kernel, 0, String((result as { error: unknown }).error));
  }

  #layout(signature: string): GPUBindGroupLayout {
    let layout = this.#layouts.get(signature);
    if (!layout) {
      const types = { u: 'uniform', r: 'read-only-storage', w: 'storage' } as const;
      layout = this.#device.createBindGroupLayout({
        entries: [...signature].map((kind, binding) => ({
          binding,
          visibility: COMPUTE,
          buffer: { type: types[kind as keyof typeof types] },
        })),
      });
      this.#layouts.set(signature, layout);
    }
    return layout;
  }
}
