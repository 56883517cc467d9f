import { EmuError } from '@emu-ts/base';

/** What this package uses of gpu.js, so that its types need not be installed. */
export interface GpuInstance {
  readonly mode: string;
  readonly kernels?: unknown[] | undefined;
  createKernel(source: string, settings: Readonly<Record<string, unknown>>): GpuKernel;
  destroy(): unknown;
}

/** A compiled kernel. In pipeline mode it gives a texture, otherwise an array nested as deep as its output. */
export interface GpuKernel {
  (...operands: (Float32Array | GpuTexture)[]): unknown;
  /** What stands behind the function in the list of the instance. */
  readonly kernel: unknown;
  setOutput(output: readonly number[]): unknown;
  destroy(): void;
}

export interface GpuTexture {
  toArray(): Float32Array | readonly unknown[];
  delete(): void;
}

export interface GpuConstructor {
  /** Takes the settings of gpu.js, whose type is its own. */
  new (settings: never): GpuInstance;
  readonly isWebGL2Supported: boolean;
  readonly isWebGLSupported: boolean;
  readonly isHeadlessGLSupported: boolean;
  readonly isSinglePrecisionSupported: boolean;
  readonly isWebAssemblySupported: boolean;
}

/** The module gpu.js, as Node, bundlers and a script tag give it. */
export type GpuModule =
  | { readonly GPU: GpuConstructor }
  | { readonly default: { readonly GPU: GpuConstructor } | GpuConstructor };

/**
 * Where kernels run: as plain JavaScript, as WebAssembly with SIMD, or as WebGL shaders. `auto` takes WebGL where the
 * machine has it with float textures, otherwise `cpu`.
 */
export type Mode = 'cpu' | 'wasm' | 'webgl';

export interface OpenedGpu {
  readonly gpu: GpuInstance;
  readonly mode: Mode;
  /** Made here, so destroyed here. */
  readonly owned: boolean;
}

/** The names gpu.js has for its backends, best first. Its WebGPU backend is left out: it brings an old Dawn. */
const backends: Readonly<Record<Mode, readonly string[]>> = {
  cpu: ['cpu'],
  wasm: ['webasm'],
  webgl: ['webgl2', 'webgl', 'headlessgl'],
};

export async function openGpu(
  given: GpuInstance | GpuModule | undefined,
  wanted: Mode | 'auto',
): Promise<OpenedGpu> {
  if (given && 'createKernel' in given) return fromInstance(given, wanted);
  const GPU = constructorOf(given ?? (await importGpu()));
  const missing: string[] = [];
  for (const mode of wanted === 'auto' ? (['webgl', 'cpu'] as const) : [wanted]) {
    const backend = backends[mode].find((name) => supported(GPU, name));
    if (backend) return { gpu: new GPU({ mode: backend } as never), mode, owned: true };
    missing.push(mode);
  }
  throw new EmuError('UNSUPPORTED_MODE', `gpu.js has no mode '${missing.join("' or '")}' on this machine.`, {
    hint: "Mode 'cpu' runs everywhere.",
  });
}

function fromInstance(gpu: GpuInstance, wanted: Mode | 'auto'): OpenedGpu {
  const mode = (Object.keys(backends) as Mode[]).find((name) => backends[name].includes(gpu.mode));
  if (mode && (wanted === 'auto' || wanted === mode)) return { gpu, mode, owned: false };
  throw new EmuError(
    'UNSUPPORTED_MODE',
    `The GPU instance runs in mode '${gpu.mode}', wanted ${wanted === 'auto' ? Object.values(backends).flat().join(', ') : backends[wanted].join(' or ')}.`,
  );
}

function supported(GPU: GpuConstructor, backend: string): boolean {
  if (backend === 'cpu') return true;
  if (backend === 'webasm') return GPU.isWebAssemblySupported;
  if (!GPU.isSinglePrecisionSupported) return false;
  if (backend === 'webgl2') return GPU.isWebGL2Supported;
  return backend === 'webgl' ? GPU.isWebGLSupported : GPU.isHeadlessGLSupported;
}

async function importGpu(): Promise<GpuModule> {
  // The name is a variable so that bundlers leave the optional peer to the caller.
  const name = 'gpu.js';
  try {
    return (await import(/* @vite-ignore */ name)) as GpuModule;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EmuError('GPUJS_MISSING', `The module 'gpu.js' could not be loaded: ${reason}`, {
      hint: 'Install it with: npm install gpu.js, or hand it in as `gpu`.',
      cause,
    });
  }
}

/** In Node the module holds the class, in a browser it is the class. */
function constructorOf(module: GpuModule): GpuConstructor {
  if ('GPU' in module) return module.GPU;
  return 'GPU' in module.default
    ? (module.default.GPU as GpuConstructor)
    : (module.default as GpuConstructor);
}
