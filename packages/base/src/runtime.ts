/** Whether there are Node's modules here: files, child processes, native libraries. */
export const isNode = (): boolean =>
  typeof process !== 'undefined' && typeof process.versions?.node === 'string';
