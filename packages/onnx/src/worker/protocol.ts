import { EmuError } from '@emu-ts/base';
import type { Runtime } from '../executor/runtime.js';

/** What crosses the boundary between an executor and the worker in which ONNX Runtime lives. */
export type Method = Exclude<keyof Runtime, 'release'>;

/** A call that is answered, or a release that is not. */
export type Request =
  | { readonly id: number; readonly method: Method; readonly argument: unknown }
  | { readonly release: readonly number[] };

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError };

/** The worker says it is ready, or why it never will be, with call number 0. */
export const startCall = 0;

/** One end of a connection. */
export interface Port<In, Out> {
  post(message: Out, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: In) => void): void;
}

/** An error as plain data. */
export interface WireError {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

export const encodeError = (error: unknown): WireError => {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof EmuError)) return { code: undefined, message, hint: undefined };
  const { code, hint } = error;
  return { code, hint, message: hint ? message.slice(0, -hint.length - 1) : message };
};

/** The same typed error on this side. */
export const decodeError = ({ code = 'WORKER_FAILED', message, hint }: WireError): EmuError =>
  new EmuError(code, message, hint === undefined ? {} : { hint });
