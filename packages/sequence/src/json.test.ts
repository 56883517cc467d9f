import { random } from '@emu-ts/base';
import type { Role, Sequence, SequenceElement } from '@emu-ts/contracts';
import { describe, expect, test } from 'vitest';
import { end, fromJson, generate, image, role, text, toJson, video } from './index.js';

/** A random sequence of all kinds of elements, empty texts and odd characters among them. */
function draw(seed: number): Sequence<string> {
  const bits = random(seed).bits(200);
  let at = 0;
  const roll = (below: number) => bits[at++] % below;
  const string = () => String.fromCharCode(...Array.from({ length: roll(5) }, () => roll(0x10000)));
  const roles: Role[] = ['system', 'user', 'assistant'];
  const makers: (() => SequenceElement<string>)[] = [
    () => text(string()),
    () => image(string()),
    () => video(Array.from({ length: roll(4) }, string)),
    () => role(roles[roll(3)]),
    () => end,
    () => generate,
  ];
  return Array.from({ length: roll(7) }, () => makers[roll(makers.length)]());
}

test('1,000 random sequences come back from JSON text', () => {
  for (let seed = 0; seed < 1_000; seed++) {
    const sequence = draw(seed);
    expect(fromJson(JSON.parse(JSON.stringify(toJson(sequence))))).toEqual(sequence);
  }
});

test('the form is as documented', () => {
  expect(toJson([text('a'), image('b.png'), video(['c', 'd']), role('user'), end, generate])).toEqual({
    version: 1,
    elements: [
      { type: 'text', text: 'a' },
      { type: 'image', image: 'b.png' },
      { type: 'video', frames: ['c', 'd'] },
      { type: 'role', role: 'user' },
      { type: 'end' },
      { type: 'generate' },
    ],
  });
});

describe('what is not a sequence is refused, by path', () => {
  const elements = (...elements: unknown[]) => ({ version: 1, elements });
  test.each([
    [null, '$', 'null'],
    [[], '$', 'an array'],
    [{ elements: [] }, 'version', 'nothing'],
    [{ version: 2, elements: [] }, 'version', '2'],
    [{ version: 1 }, 'elements', 'nothing'],
    [{ version: 1, elements: {} }, 'elements', 'an object'],
    [{ version: 1, elements: [], extra: 0 }, '$.extra', '0'],
    [elements('a'), 'elements[0]', '"a"'],
    [elements({ text: 'a' }), 'elements[0].type', 'nothing'],
    [elements({ type: 'audio' }), 'elements[0].type', '"audio"'],
    [elements({ type: 'end' }, { type: 'text' }), 'elements[1].text', 'nothing'],
    [elements({ type: 'text', text: 7 }), 'elements[0].text', '7'],
    [elements({ type: 'text', text: 'a', image: 'b' }), 'elements[0].image', '"b"'],
    [elements({ type: 'video', frames: ['a', null] }), 'elements[0].frames[1]', 'null'],
    [elements({ type: 'role', role: 'critic' }), 'elements[0].role', '"critic"'],
    [
      JSON.parse('{"version":1,"elements":[{"type":"end","__proto__":{}}]}'),
      'elements[0].__proto__',
      'an object',
    ],
  ])('%j', (value, path, got) => {
    expect(() => fromJson(value)).toThrow(expect.objectContaining({ code: 'SEQUENCE_JSON', path, got }));
  });

  test('a sequence that JSON cannot hold is refused too', () => {
    const pixels = [image(new Uint8Array(3))] as unknown as Sequence<string>;
    expect(() => toJson(pixels)).toThrow(
      expect.objectContaining({ path: 'elements[0].image', got: 'an object' }),
    );
  });
});
