import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The text of a guide. @param name in docs/guides, without `.md` */
export const readGuide = (name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../../docs/guides/${name}.md`, import.meta.url)), 'utf8');

/** Everything that stands in blocks of a language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block]) => block);

/** Runs a program that stands in a text, among the sources, where imports of packages are found. */
export async function runBlock(code: string): Promise<void> {
  const file = fileURLToPath(new URL(`../src/.guide-${process.pid}.ts`, import.meta.url));
  await writeFile(file, code);
  try {
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    await rm(file);
  }
}
