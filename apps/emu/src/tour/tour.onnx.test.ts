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

describe.each([
  ['base', 'document', 8],
  ['instruct', 'dialogue', 9],
] as const)('the small model, %s', (variant, form, count) => {
  it('walks through every ability of its form and lays the pictures out', async () => {
    await using emu = await Emu.fromPretrained(weightsFolder, { variant });
    const stops = await walk(new ComponentsModel(emu.components, { form, steps: 2 }));
    expect(stops).toHaveLength(count);
    for (const { title, text, made } of stops) expect(text.length + made.length, title).toBeGreaterThan(0);
    expect(stops.filter(({ made }) => made.length > 0).length).toBeGreaterThanOrEqual(3);
    const sheet = contactSheet(stops);
    expect(sheet.data).toHaveLength(3 * sheet.width * sheet.height);
  });

  it.each(['few-shot', 'dialogue'])('still reaches what its card says: %s', async (ability) => {
    await using emu = await Emu.fromPretrained(weightsFolder, { variant, imageDecoder: false });
    const model = new ComponentsModel(emu.components, { form });
    const report = await evaluateShapes(model, { seed: 99, n: 40, tasks: [ability] });
    const goal = abilities.find(({ name }) => name === ability)?.goal as number;
    // Not below the goal with 95 % certainty.
    expect(report.abilities[0].interval[1]).toBeGreaterThanOrEqual(goal);
  });
});
