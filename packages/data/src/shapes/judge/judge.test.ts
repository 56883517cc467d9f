import { type RgbImage, resize, rgbImage } from '@emu-ts/media';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { Draws } from '../../draws.js';
import { drawSample } from '../sample.js';
import { makeSample, taskNames } from '../tasks/index.js';
import { caption, partialCaption } from '../words/caption.js';
import type { Truth } from '../words/truth.js';
import { drawRandomScene, world } from '../world/compose.js';
import { drawScene } from '../world/draw-scene.js';
import type { Scene } from '../world/scene.js';
import { colourNames, placeNames, shapeNames } from '../world/vocabulary.js';
import { judge, judgeImage } from './judge.js';
import { judgeAnswer, judgeEvents } from './judge-answer.js';
import { judgeCaption } from './judge-caption.js';
import { parseCaption } from './parse-caption.js';
import { parsePicture } from './parse-picture.js';
import { blurred } from './templates.js';

const w = world();
const scenes = Array.from({ length: 2000 }, (_, i) => drawRandomScene(new Draws(77, i), w));

describe('the picture parser', () => {
  /** As a decoder that works at a lower resolution would draw it. */
  const resized = (image: RgbImage, side: number) =>
    resize(resize(image, { width: side, height: side }), { width: 64, height: 64 });
  const draws = new Draws(1);
  /** Noise of a standard deviation in 8-bit steps: the sum of four uniform numbers. */
  const grained = (image: RgbImage, deviation: number): RgbImage => {
    const noise = () =>
      (draws.range() + draws.range() + draws.range() + draws.range() - 2) * Math.sqrt(3) * deviation;
    return { ...image, data: image.data.map((v) => Math.max(0, Math.min(255, Math.round(v + noise())))) };
  };
  const ways: readonly (readonly [string, (scene: Scene) => RgbImage, number])[] = [
    ['as drawn', (scene) => drawScene(scene), 0.985],
    ['blurred by a pixel', (scene) => blurred(blurred(drawScene(scene))), 0.98],
    ['at half the resolution', (scene) => resized(drawScene(scene), 32), 0.97],
    ['at a third of the resolution', (scene) => resized(drawScene(scene), 24), 0.97],
    ['at twice the resolution', (scene) => drawScene(scene, 128), 0.98],
    ['blurred by a pixel, with noise', (scene) => grained(blurred(blurred(drawScene(scene))), 8), 0.97],
  ];

  // Thousands of pictures take their time on a busy machine.
  it.each(ways)('reads pictures %s', { timeout: 300_000 }, (name, draw, least) => {
    const some = scenes.slice(0, name === 'as drawn' ? 2000 : 300);
    const right = some.filter((scene) => judgeImage(draw(scene), scene).correct).length;
    console.log(`pictures ${name}: every object, colour, shape and size right in ${right} of ${some.length}`);
    expect(right / some.length).toBeGreaterThanOrEqual(least);
  });

  it('reads the pictures of another program: CSS colours, its own outlines', async () => {
    const corners =
      (...radii: number[]) =>
      (count: number) =>
        Array.from({ length: count }, (_, i) => {
          const angle = (2 * Math.PI * i) / count - Math.PI / 2;
          return `${radii[i % radii.length] * Math.cos(angle)},${radii[i % radii.length] * Math.sin(angle)}`;
        }).join(' ');
    const drawn = {
      circle: '<circle r="10"/>',
      square: '<rect x="-9" y="-9" width="18" height="18"/>',
      triangle: `<polygon points="${corners(12)(3)}"/>`,
      pentagon: `<polygon points="${corners(11)(5)}"/>`,
      star: `<polygon points="${corners(13, 5)(10)}"/>`,
      cross: '<path d="M-4-12h8v8h8v8h-8v8h-8v-8h-8v-8h8z"/>',
      ring: '<circle r="9" fill="none" stroke-width="5"/>',
      heart: '<path d="M0 11C-22-4-8-17 0-7C8-17 22-4 0 11z"/>',
    } as const;
    const missed: string[] = [];
    for (const colour of colourNames) {
      for (const shape of shapeNames) {
        const style = shape === 'ring' ? `stroke="${colour}"` : `fill="${colour}"`;
        const ground = `<rect width="64" height="64" fill="${colour === 'yellow' ? 'black' : 'white'}"/>`;
        const turned = `translate(26 34) rotate(${(shape.length * 7 + colour.length * 5) % 30})`;
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${ground}<g transform="${turned}" ${style}>${drawn[shape]}</g></svg>`;
        const data = new Uint8Array(await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer());
        const found = parsePicture(rgbImage(64, 64, data)).map(
          (object) => `${object.colour} ${object.shape}`,
        );
        if (found.join() !== `${colour} ${shape}`)
          missed.push(`${colour} ${shape}: ${found.join() || 'nothing'}`);
      }
    }
    expect(missed).toEqual([]);
  });

  it('finds nothing in an empty picture, and refuses one that is not square', () => {
    expect(parsePicture({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(90) })).toEqual([]);
    expect(() => parsePicture({ width: 2, height: 1, data: new Uint8Array(6) })).toThrow(
      /2 × 1, wanted a square/,
    );
  });

  it('says no to another shape, colour, number or relation', () => {
    const scene = scenes.find(({ objects }) => objects.length === 2) as Scene;
    const [a, b] = scene.objects;
    const image = drawScene(scene);
    expect(judgeImage(image, { objects: [a, b] }).correct).toBe(true);
    expect(judgeImage(image, { objects: [a] }).reason).toMatch(/shows 2 objects/);
    expect(judgeImage(image, { objects: [a, { ...b, shape: other(shapeNames, b.shape) }] }).correct).toBe(
      false,
    );
    expect(judgeImage(image, { objects: [a, { ...b, colour: other(colourNames, b.colour) }] }).correct).toBe(
      false,
    );
  });
});

const other = <T>(list: readonly T[], than: T): T => list[(list.indexOf(than) + 1) % list.length];

describe('the caption parser', () => {
  it('reads every phrasing', () => {
    expect(parseCaption('There is a large blue square with a small red circle to its left.')).toEqual({
      objects: [
        { size: 'large', colour: 'blue', shape: 'square' },
        { size: 'small', colour: 'red', shape: 'circle' },
      ],
      relations: [{ subject: 1, relation: 'left of', object: 0 }],
      unknown: [],
    });
    expect(
      parseCaption('three objects: a red ring, an orange ring and a star; the red ring is over the star')
        .relations,
    ).toEqual([{ subject: 0, relation: 'above', object: 2 }]);
    expect(parseCaption('a big red circle in the top left corner').objects).toEqual([
      { size: 'large', colour: 'red', shape: 'circle', place: 'top left' },
    ]);
    expect(parseCaption('something red below something small')).toMatchObject({
      objects: [{ colour: 'red' }, { size: 'small' }],
      relations: [{ subject: 0, relation: 'below', object: 1 }],
    });
    expect(parseCaption('a red banana').unknown).toEqual(['banana']);
  });

  it('finds every caption right for its scene and wrong for a changed one', () => {
    for (const [i, scene] of scenes.entries()) {
      const words = caption(new Draws(5, i), scene);
      expect(judgeCaption(words, scene), words).toEqual({ correct: true });
      const some = partialCaption(new Draws(6, i), scene);
      expect(judgeCaption(some, scene, { partial: true }), some).toEqual({ correct: true });
      const [first, ...rest] = scene.objects;
      for (const changed of [
        { ...first, colour: other(colourNames, first.colour) },
        { ...first, shape: other(shapeNames, first.shape) },
        { ...first, size: first.size === 'large' ? 'small' : 'large' } as const,
      ]) {
        expect(judgeCaption(words, { ...scene, objects: [changed, ...rest] }).correct, words).toBe(false);
      }
      const flipped = scene.objects.map((object) => ({ ...object, x: 1 - object.x, y: 1 - object.y }));
      const centred = scene.objects.length === 1 && words.match(/centre|middle/);
      if (!centred) expect(judgeCaption(words, { ...scene, objects: flipped }).correct, words).toBe(false);
    }
  });

  it('wants everything said', () => {
    const two = scenes.find(({ objects }) => objects.length === 2) as Scene;
    const [a, b] = two.objects.map(({ size, colour, shape }) => `a ${size} ${colour} ${shape}`);
    expect(judgeCaption(`${a} and ${b}.`, two).reason).toBe('not every relation is said');
    expect(judgeCaption(a, two).reason).toBe('names 1 objects of 2');
    expect(judgeCaption('', two).reason).toBe('nothing is said');
  });
});

describe('the judge', () => {
  it.each(taskNames)('finds the right reply to %s right, and an empty one wrong', (task) => {
    let right = 0;
    const count = 60;
    for (let i = 0; i < count; i++) {
      const sample = drawSample(makeSample({ seed: 21, split: 'test', tasks: [task] }, i));
      for (const { reply, truth } of sample.turns) {
        const words = reply.flatMap((e) => (e.type === 'text' ? [e.text] : [])).join(' ');
        const images = reply.flatMap((e) => (e.type === 'image' ? [e.image] : []));
        const verdict = judge(truth, { text: words, images });
        const pictured = images.length > 0 && truth.kind !== 'events';
        if (!pictured) expect(verdict, `${words} ${JSON.stringify(truth)}`).toEqual({ correct: true });
        expect(judge(truth, {}).correct).toBe(false);
        right += Number(verdict.correct) / sample.turns.length;
      }
    }
    expect(right / count).toBeGreaterThan(0.93);
  });

  it('takes an answer in a word or in a sentence, and no two answers', () => {
    const red: Truth = { kind: 'answer', asked: 'colour', value: 'red' };
    expect(judgeAnswer('Red', red).correct).toBe(true);
    expect(judgeAnswer('the circle is red.', red).correct).toBe(true);
    expect(judgeAnswer('red or blue', red).reason).toBe('names several: red, blue');
    expect(judgeAnswer('blue', red).reason).toBe('says blue, wanted red');
    expect(judgeAnswer('1', { kind: 'answer', asked: 'count', value: 1 }).correct).toBe(true);
    expect(judgeAnswer('one object.', { kind: 'answer', asked: 'count', value: 1 }).correct).toBe(true);
    expect(judgeAnswer('no.', { kind: 'answer', asked: 'yes-no', value: true }).correct).toBe(false);
    for (const place of placeNames) {
      expect(
        judgeAnswer(`it is at the ${place}`, { kind: 'answer', asked: 'place', value: place }).correct,
      ).toBe(true);
    }
    const ring = { colour: 'pink', shape: 'ring', size: 'small' } as const;
    expect(judgeAnswer('the pink ring', { kind: 'answer', asked: 'object', value: ring }).correct).toBe(true);
    expect(judgeAnswer('a large pink ring', { kind: 'answer', asked: 'object', value: ring }).correct).toBe(
      false,
    );
    expect(judgeAnswer('a ring', { kind: 'answer', asked: 'object', value: ring }).correct).toBe(false);
  });

  it('minds the order of events', () => {
    const object = { colour: 'red', shape: 'star', size: 'small' } as const;
    const second = { ...object, colour: 'blue' } as const;
    const truth = {
      kind: 'events',
      events: [
        { object, kind: 'move', direction: 'left' },
        { object: second, kind: 'recolour', colour: 'green' },
      ],
    } as const;
    expect(
      judgeEvents('first the red star moves to the left, then the blue star turns green.', truth).correct,
    ).toBe(true);
    expect(judgeEvents('the blue star becomes green, and then the red star moves left.', truth).correct).toBe(
      false,
    );
    expect(judgeEvents('the red star moves left.', truth).reason).toBe('tells 1 events, wanted 2');
  });
});
