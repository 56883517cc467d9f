import { unaryCases } from '../activations/cases.js';

/** Where e⁻ˣ is infinite, the derivative of the quotient is not a number; the op's own is tested beside these. */
export const cases = unaryCases(700);
