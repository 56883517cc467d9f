import path from 'node:path';
import { makeGoldens } from './make-goldens/make.js';
import { recipes } from './make-goldens/recipes.js';

/**
 * `node --conditions=@emu-ts/source --import tsx scripts/make-goldens.ts NAME FOLDER`: a goldens folder for a drawn model
 * of odd sizes. Its numbers are this project's own, from the f64 interpreter: they prove that code and tests fit every
 * size, not that a number is right.
 */
const [name = '', folder] = process.argv.slice(2);
const recipe = recipes[name];
if (!recipe || !folder) {
  console.error(`Usage: make-goldens ${Object.keys(recipes).join('|')} FOLDER`);
  process.exit(2);
}
const start = performance.now();
await makeGoldens(recipe, path.resolve(folder), (what) =>
  console.log(`${Math.round(performance.now() - start)} ms: ${what}`),
);
console.log(`Written to ${path.resolve(folder)} after ${Math.round(performance.now() - start)} ms.`);
