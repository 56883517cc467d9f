import { EmuError, isNode } from '@emu-ts/base';
import type { InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-common';

/** Any module that meets onnxruntime-common: onnxruntime-node, onnxruntime-web, onnxruntime-react-native. */
export interface Ort {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

export type SessionOptions = InferenceSession.SessionOptions;

/**
 * What sessions are made with unless the caller says otherwise. Threads of the runtime wait for each other instead of spinning:
 * a spinning thread takes its core from JavaScript and from everything else, see docs/decisions/0003.
 */
export function sessionSettings(options: SessionOptions): SessionOptions {
  const settled = { graphOptimizationLevel: 'all', logSeverityLevel: 4, ...options } as const;
  const { extra = {} } = options;
  if (!isNode() || JSON.stringify(extra).includes('allow_spinning')) return settled;
  const session = extra.session as Record<string, object> | undefined;
  const threads = { ...session?.intra_op, allow_spinning: '0' };
  return { ...settled, extra: { ...extra, session: { ...session, intra_op: threads } } };
}

/** Imports a runtime by name. `ONNX_RUNTIME_MISSING` says how to install it. */
export async function importOrt(name: string): Promise<Ort> {
  try {
    // The name is a variable so that bundlers leave the choice of runtime to the caller.
    return unwrap((await import(/* @vite-ignore */ name)) as Ort & { default?: Ort });
  } catch (cause) {
    throw new EmuError('ONNX_RUNTIME_MISSING', `The module '${name}' could not be loaded: ${reason(cause)}`, {
      hint: `Install it with: npm install ${name}`,
      cause,
    });
  }
}

/** A CommonJS runtime imported from an ES module may stand under `default`. */
export const unwrap = (module: Ort & { default?: Ort }): Ort =>
  module.InferenceSession ? module : (module.default as Ort);

export const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** What the runtime itself throws, with what was being done. */
export const runtimeError = (doing: string, cause: unknown): EmuError =>
  new EmuError('ONNX_RUNTIME', `ONNX Runtime failed while ${doing}: ${reason(cause)}`, { cause });
