import { describe, expect, it } from 'vitest';
import { Draws } from '../draws.js';
import { drawSample, imagesOfSample, isHeldOutSample, promptOf, sequenceOf } from './sample.js';
import { makeSample, taskNames } from './tasks/index.js';
import { ask } from './words/question.js';
import { nameColour, shadeOf, shadeWords } from './world/colour.js';
import { areApart, drawRandomScene, reachOf, world } from './world/compose.js';
import { drawScene } from './world/draw-scene.js';
import { drawVideo } from './world/motion.js';
import { isClear, isHeldOut, isHeldOutObject } from './world/scene.js';
import { colourNames, shapeNames, sizeNames } from './world/vocabulary.js';

const w = world();

describe('draws', () => {
  it('depend on seed, stream and purpose, and on nothing drawn elsewhere', () => {
    const some = (draws: Draws) => Array.from({ length: 9 }, () => draws.bits());
    expect(some(new Draws(1, 2))).toEqual(some(new Draws(1, 2)));
    const all = [
      new Draws(1, 2),
      new Draws(2, 2),
      new Draws(1, 3),
      new Draws(1, 2, 1),
      new Draws(1, 2 + 2 ** 32),
    ].map(some);
    expect(new Set(all.flat()).size).toBe(45);
  });

  it('go on from any place, back and ahead', () => {
    const all = new Draws(1, 2);
    const words = Array.from({ length: 14 }, () => all.bits());
    for (const from of words.keys())
      for (const to of words.keys()) {
        const draws = new Draws(1, 2);
        for (let i = 0; i < from; i++) draws.bits();
        expect(draws.position).toBe(from);
        draws.seek(to);
        expect(draws.position).toBe(to);
        expect([draws.bits(), draws.position]).toEqual([words[to], to + 1]);
      }
  });

  it('shuffles evenly and weighs', () => {
    const draws = new Draws(3);
    const first = [0, 0, 0];
    for (let i = 0; i < 3000; i++) first[draws.shuffle([0, 1, 2])[0]]++;
    for (const n of first) expect(Math.abs(n - 1000)).toBeLessThan(5 * Math.sqrt(3000 * (2 / 9)));
    expect(Array.from({ length: 200 }, () => draws.weighted([0, 1, 0]))).toEqual(new Array(200).fill(1));
  });
});

describe('the world', () => {
  it('takes the words for a shade that it says it takes', () => {
    for (const colour of colourNames) {
      const draws = new Draws(4);
      shadeOf(colour, draws);
      expect(draws.position).toBe(shadeWords);
    }
  });

  it('names every shade it draws as the colour it was drawn for', () => {
    const draws = new Draws(4);
    for (const colour of colourNames) {
      for (let i = 0; i < 500; i++) expect(nameColour(shadeOf(colour, draws))).toBe(colour);
    }
  });

  it('keeps objects apart, inside and clearly related', () => {
    for (let i = 0; i < 500; i++) {
      const { objects } = drawRandomScene(new Draws(5, i), w);
      for (const [k, a] of objects.entries()) {
        expect(Math.min(a.x, a.y, 1 - a.x, 1 - a.y)).toBeGreaterThan(reachOf(a));
        for (const b of objects.slice(k + 1)) expect(areApart(a, b)).toBe(true);
        if (k > 0) expect(isClear(objects[k - 1], a)).toBe(true);
      }
    }
  });

  it('draws the same scene the same at any time, and at any size', () => {
    const scene = drawRandomScene(new Draws(6, 1), w, 3);
    expect(drawScene(scene)).toEqual(drawScene(structuredClone(scene)));
    expect(drawScene(scene, 100)).toMatchObject({ width: 100, height: 100 });
  });

  it('covers as many pixels as the shape has area', () => {
    const background = { from: [0, 0, 0], to: [0, 0, 0], angle: 0, noise: 0, noiseSeed: 0 } as const;
    const object = {
      shape: 'circle',
      colour: 'red',
      size: 'large',
      x: 0.5,
      y: 0.5,
      radius: 0.25,
      rotation: 0,
    } as const;
    const image = drawScene({ objects: [{ ...object, rgb: [255, 0, 0] }], background, antialias: true });
    const covered = image.data.reduce((sum, v) => sum + v, 0) / 255;
    // Coverage is exact along straight edges; a curve of 16 pixels' radius bends by less than 1 / (24 r) per edge pixel.
    expect(Math.abs(covered - Math.PI * 256)).toBeLessThan(((2 * Math.PI * 16) / (24 * 16)) * 2 + 1);
  });

  it('moves, turns and recolours one object after another', () => {
    for (let i = 0; i < 200; i++) {
      const { frames, events } = drawVideo(new Draws(7, i), w, { events: 2 });
      expect(frames).toHaveLength(8);
      const [first, second] = events;
      expect(first.to).toBe(second.from);
      expect(first.object).not.toBe(second.object);
      for (const event of events) {
        const [before, after] = [
          frames[event.from].objects[event.object],
          frames[event.to].objects[event.object],
        ];
        const moved = [after.x - before.x, after.y - before.y];
        if (event.kind === 'recolour') expect(after.colour).toBe(event.colour);
        if (event.kind === 'turn') expect(Math.abs(after.rotation - before.rotation)).toBeGreaterThan(2);
        if (event.kind === 'move') {
          const along = { left: -moved[0], right: moved[0], up: -moved[1], down: moved[1] }[event.direction];
          expect(along).toBeGreaterThanOrEqual(0.3 - 1e-9);
        }
        for (const frame of frames) {
          expect(new Set(frame.objects.map(({ colour, shape }) => colour + shape)).size).toBe(
            frame.objects.length,
          );
        }
        const still = frames[0].objects.filter((_, k) => events.every(({ object }) => object !== k));
        for (const object of still) for (const frame of frames) expect(frame.objects).toContainEqual(object);
      }
    }
  });

  it('keeps to a curriculum', () => {
    const style = { antialias: 1, outline: 0, turned: 0, gradient: 0, noise: 0 };
    const easy = world({
      shapes: ['star', 'ring', 'cross'],
      colours: ['red', 'blue'],
      sizes: ['large'],
      objects: [1, 2],
      style,
    });
    for (let i = 0; i < 100; i++) {
      const { objects, background, antialias } = drawRandomScene(new Draws(8, i), easy);
      expect(antialias && background.noise === 0 && background.from === background.to).toBe(true);
      expect(objects.length).toBeLessThan(3);
      for (const { size, colour, shape, rotation, outline } of objects) {
        expect([size, rotation, outline]).toEqual(['large', 0, undefined]);
        expect(['red', 'blue'].includes(colour) && ['star', 'ring', 'cross'].includes(shape)).toBe(true);
      }
    }
  });

  it('asks as many questions to be affirmed as to be denied, and names no answer in the question', () => {
    let yes = 0;
    let asked = 0;
    for (let i = 0; i < 800; i++) {
      const draws = new Draws(13, i);
      const scene = drawRandomScene(draws, w);
      for (const kind of ['colour', 'shape'] as const) {
        const made = ask(draws, scene, kind);
        if (made) expect(made.question).not.toMatch(new RegExp(`\\b${made.truth.value}\\b`));
      }
      const made = ask(draws, scene, 'yes-no');
      if (made) asked++;
      if (made?.truth.value === true) yes++;
    }
    expect(Math.abs(yes - asked / 2)).toBeLessThan(5 * Math.sqrt(asked / 4));
  });

  it('refuses options that cannot be drawn, and says which', () => {
    expect(() => world({ sizes: ['large'], objects: [1, 3] })).toThrow(
      /1 to 3 objects of size large, wanted 1 to 2/,
    );
    expect(() => world({ shapes: ['blob' as 'circle'] })).toThrow(/shapes \[blob\], wanted some of circle/);
    expect(() => makeSample({ seed: 1, tasks: ['sing' as 'blend'] }, 0)).toThrow(/Got the task sing, wanted/);
    expect(() => makeSample({ seed: 1, tasks: { blend: -1 } }, 0)).toThrow(/weight -1 for blend/);
    expect(() => world({ questions: { colour: 0 } })).toThrow(/Got no question kinds, wanted .*yes-no/);
    expect(() => world({ questions: ['who' as 'size'] })).toThrow(/the question kind who, wanted .*colour/);
    expect(() => makeSample({ seed: 1, tasks: [] }, 0)).toThrow(/Got no tasks/);
    expect(() => makeSample({ seed: 1, shapes: ['circle'], colours: ['red'], objects: [2, 2] }, 0)).toThrow(
      /Found no/,
    );
  });
});

describe('the split', () => {
  it('holds every colour and every shape out once, and of eight pairs more one size', () => {
    const all = colourNames.flatMap((colour) =>
      shapeNames.flatMap((shape) => sizeNames.map((size) => ({ colour, shape, size }))),
    );
    const out = all.filter(isHeldOutObject);
    const both = out.filter((one) =>
      out.some((two) => two.colour === one.colour && two.shape === one.shape && two.size !== one.size),
    );
    expect(both).toHaveLength(16);
    expect(out).toHaveLength(24);
    for (const list of [new Set(both.map((o) => o.colour)), new Set(both.map((o) => o.shape))])
      expect(list.size).toBe(8);
  });

  it.each(taskNames)('of %s never shows in training what it shows in tests', (task) => {
    for (let i = 0; i < 150; i++) {
      const train = makeSample({ seed: 8, split: 'train', tasks: [task] }, i);
      expect(imagesOfSample(train).some(isHeldOut)).toBe(false);
      expect(isHeldOutSample(makeSample({ seed: 8, split: 'test', tasks: [task] }, i))).toBe(true);
    }
  });
});

describe('samples', () => {
  it.each(taskNames)('of %s are the same by seed and number, in any order', (task) => {
    const make = (i: number) => makeSample({ seed: 9, tasks: [task] }, i);
    const forwards = [0, 1, 2, 3].map(make);
    const backwards = [3, 2, 1, 0].map(make).reverse();
    expect(backwards).toEqual(forwards);
    expect(make(4)).not.toEqual(makeSample({ seed: 10, tasks: [task] }, 4));
    expect(JSON.parse(JSON.stringify(forwards[0]))).toEqual(JSON.parse(JSON.stringify(make(0))));
  });

  it.each(taskNames)('of %s draw as documents and dialogues whose prompts are their beginnings', (task) => {
    for (let i = 0; i < 10; i++) {
      const sample = drawSample(makeSample({ seed: 11, tasks: [task] }, i), 32);
      for (const form of ['document', 'dialogue'] as const) {
        const whole = sequenceOf(sample, form);
        const prompt = promptOf(sample, form);
        const shared = prompt.filter(({ type }) => type === 'image' || type === 'video');
        expect(shared).toEqual(
          whole.filter(({ type }) => type === 'image' || type === 'video').slice(0, shared.length),
        );
        expect(prompt.length).toBeLessThanOrEqual(whole.length);
      }
      for (const image of imagesOfSample(sample)) expect(image).toMatchObject({ width: 32, height: 32 });
    }
  });

  it('come as often as their weights', () => {
    const counts = { caption: 0, blend: 0 } as Record<string, number>;
    for (let i = 0; i < 600; i++) counts[makeSample({ seed: 12, tasks: { caption: 3, blend: 1 } }, i).task]++;
    expect(counts.caption + counts.blend).toBe(600);
    expect(Math.abs(counts.caption - 450)).toBeLessThan(5 * Math.sqrt((600 * 3) / 16));
  });

  it('ask of what their world says, as often as it says', () => {
    const options = { seed: 14, tasks: ['question'], questions: { colour: 3, size: 1 } } as const;
    const asked = Array.from({ length: 400 }, (_, i) => makeSample(options, i).turns[0].truth);
    const colours = asked.filter((truth) => truth.kind === 'answer' && truth.asked === 'colour').length;
    const sizes = asked.filter((truth) => truth.kind === 'answer' && truth.asked === 'size').length;
    expect(colours + sizes).toBe(400);
    expect(Math.abs(colours - 300)).toBeLessThan(5 * Math.sqrt((400 * 3) / 16));
  });
});
