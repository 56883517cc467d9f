import { abilities, ComponentsModel, evaluateShapes } from '@emu-ts/evaluation';
import { weightsFolder } from '@emu-ts/tiny';
import { describe, expect, it } from 'vitest';
import { Emu } from '../emu.js';
import { contactSheet } from './sheet.js';
import { type Stop, tour } from './tour.js';

const walk = async (model: ComponentsModel): Promise<Stop[]> => {
  const stops: Stop[] = [];
  for await (const stop of tour(model, { seed: 5 })) stops.push(stop);
  return stops;
};

const told = ['caption', 'question', 'few-shot', 'video', 'dialogue'];
const drawn = ['text-to-image', 'in-context', 'blend'];

describe.each([
  ['base', 'document', 8, [...told, ...drawn]],
  ['instruct', 'dialogue', 9, told.filter((name) => name !== 'video')],
] as const)('the small model, %s', (variant, form, count, reached) => {
  it('walks through every ability of its form and lays the pictures out', async () => {
    await using emu = await Emu.fromPretrained(weightsFolder, { variant });
    const stops = await walk(new ComponentsModel(emu.components, { form, steps: 2 }));
    expect(stops).toHaveLength(count);
    for (const { title, text, made } of stops) expect(text.length + made.length, title).toBeGreaterThan(0);
    expect(stops.filter(({ made }) => made.length > 0).length).toBeGreaterThanOrEqual(3);
    const sheet = contactSheet(stops);
    expect(sheet.data).toHaveLength(3 * sheet.width * sheet.height);
  });

  it.each(reached)('still reaches what its card says: %s', async (name) => {
    const draws = drawn.includes(name);
    await using emu = await Emu.fromPretrained(weightsFolder, { variant, imageDecoder: draws });
    const model = new ComponentsModel(emu.components, { form });
    const report = await evaluateShapes(model, { seed: 99, n: draws ? 12 : 40, tasks: [name] });
    const goal = abilities.find((ability) => ability.name === name)?.goal as number;
    // Not below the goal with 95 % certainty.
    expect(report.abilities[0].interval[1]).toBeGreaterThanOrEqual(goal);
  });
});
