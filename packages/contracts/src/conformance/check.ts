import { EmuError } from '@emu-ts/base';

/**
 * One promise of a contract, as a test that any framework can run:
 * `for (const { name, run } of checks) it(name, run)`. `run` rejects with `CONFORMANCE` when the promise is broken.
 */
export interface ConformanceCheck {
  readonly name: string;
  run(): Promise<void>;
}

export function expectThat(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new EmuError('CONFORMANCE', message());
}

/** Throws unless `action` rejects with an error whose `code` (or, for aborts, `name`) is this one. */
export async function expectRejection(
  what: string,
  wanted: string,
  action: () => Promise<unknown>,
): Promise<void> {
  const got = await Promise.resolve()
    .then(action)
    .then(
      () => 'no error',
      (error: unknown) => {
        const { code, name } = error as { code?: unknown; name?: unknown };
        return typeof code === 'string' ? code : String(name);
      },
    );
  expectThat(got === wanted, () => `${what}: wanted to be refused with ${wanted}, got ${got}.`);
}
