import type { NativeLowering } from '../lower/context.js';

/** Every composite that ONNX Runtime has a better operator for. */
export const nativeLowerings: readonly NativeLowering[] = [];
