import type { LocalRuntime } from '../executor/local.js';
import { encodeError, type Port, type Reply, type Request, startCall } from './protocol.js';

/** Answers calls with a runtime of this thread. */
export function serve(
  port: Port<Request, Reply>,
  runtime: LocalRuntime,
  onDispose: () => void = () => {},
): void {
  port.onMessage(async (request) => {
    if ('release' in request) return runtime.release(request.release);
    const { id, method, argument } = request;
    try {
      const value = await runtime[method](argument as never);
      port.post({ id, value }, method === 'read' ? [buffer(value)] : []);
      if (method === 'dispose') onDispose();
    } catch (error) {
      port.post({ id, error: encodeError(error) });
    }
  });
  port.post({ id: startCall, value: undefined });
}

/** What `read` gives is a copy that nobody else holds: it moves instead of being copied again. */
const buffer = (value: unknown): ArrayBuffer => (value as Uint8Array).buffer as ArrayBuffer;
