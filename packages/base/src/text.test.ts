import { expect, test } from 'vitest';
import { strip, stripEnd, stripStart } from './text.js';

test('strips what Python strips, from the end asked for', () => {
  expect(stripStart(' \t\x1c\x85\u3000a b ')).toBe('a b ');
  expect(stripEnd(' a b\u2028\xa0\x1f\n')).toBe(' a b');
  expect(strip(' \n ')).toBe('');
});

test('keeps the byte order mark and the zero-width space, which Python keeps', () => {
  expect(strip('\ufeff a \u200b')).toBe('\ufeff a \u200b');
});
