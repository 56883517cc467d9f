/**
 * Every error of emu-ts is an `EmuError`: a sentence that names both sides of the mismatch, a stable `code`
 * to switch on, and where it helps a `hint` that says what to do.
 */
export class EmuError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(options.hint ? `${message} ${options.hint}` : message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** A shape, dtype or argument does not fit. `code` is `SHAPE`. */
export class ShapeError extends EmuError {
  constructor(message: string, options?: { hint?: string; cause?: unknown }) {
    super('SHAPE', message, options);
  }
}
