import { EmuError } from '@emu-ts/base';

/**
 * Patterns over checkpoint names: `*` stands for characters other than a dot, `**` for any characters.
 * `visual.**`, `decoder.lm.model.layers.*.self_attn.q_proj.weight`, `**.bias`.
 */
export function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => {
    if (!pattern)
      throw new EmuError('PATTERN', 'A name pattern is empty.', { hint: "Use '**' to mean all." });
    const source = pattern
      .split('**')
      .map((part) => part.split('*').map(quoted).join('[^.]*'))
      .join('.*');
    return new RegExp(`^${source}$`);
  });
  return (name) => expressions.some((expression) => expression.test(name));
}

const quoted = (text: string): string => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');

/** Throws when a pattern names nothing: a misspelt freeze map must not train what it was meant to keep. */
export function expectMatches(what: string, patterns: readonly string[], names: readonly string[]): void {
  const idle = patterns.filter((pattern) => !names.some(matcher([pattern])));
  if (!idle.length) return;
  throw new EmuError(
    'PATTERN',
    `${what}: no parameter is named ${idle.map((pattern) => `'${pattern}'`).join(', ')}; ` +
      `there are ${names.length}, such as '${names[0]}'.`,
  );
}
