/**
 * Trimming as Python's `str.strip` does it: unlike `trim`, the separators U+001C to U+001F and U+0085 count as
 * whitespace and U+FEFF does not. Prompts and token ids of the reference depend on it.
 */
const whitespace = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
);

/** The text without whitespace at its start. */
export function stripStart(text: string): string {
  let start = 0;
  while (start < text.length && whitespace.has(text[start])) start++;
  return text.slice(start);
}

/** The text without whitespace at its end. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && whitespace.has(text[end - 1])) end--;
  return text.slice(0, end);
}

/** The text without whitespace at either end. */
export const strip = (text: string): string => stripEnd(stripStart(text));
