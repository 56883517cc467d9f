import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, it } from 'vitest';

/**
 * Runs every ```ts block of the README beside the calling test's package as a module of its own. A block proves itself
 * with `node:assert`.
 *
 * @param testUrl `import.meta.url` of a test file somewhere inside the package
 */
export function readmeExamples(testUrl: string): void {
  const root = packageRoot(path.dirname(fileURLToPath(testUrl)));
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  describe('README', () => {
    if (!blocks.length) throw new Error(`${root}/README.md has no ts example.`);
    blocks.forEach((code, i) => {
      it(`example ${i + 1} runs`, async () => {
        const file = path.join(root, 'src', `.readme-example-${i + 1}-${process.pid}.ts`);
        writeFileSync(file, code);
        try {
          await import(/* @vite-ignore */ pathToFileURL(file).href);
        } finally {
          rmSync(file, { force: true });
        }
      });
    });
  });
}

function packageRoot(dir: string): string {
  try {
    readFileSync(path.join(dir, 'package.json'));
    return dir;
  } catch {
    return packageRoot(path.dirname(dir));
  }
}
