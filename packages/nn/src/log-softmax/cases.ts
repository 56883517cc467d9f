/** What is hard for softmax is for its logarithm. */
export { cases } from '../softmax/cases.js';
