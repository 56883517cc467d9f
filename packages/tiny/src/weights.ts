/**
 * Where the trained weights lie, in the released layout: a `file:` address in Node, whatever the bundler made of it in a
 * browser.
 */
export const weightsFolder = new URL('../weights/', import.meta.url);
