import { unaryCases } from '../activations/cases.js';

export const cases = unaryCases();
