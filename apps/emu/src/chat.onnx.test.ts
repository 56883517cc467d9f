import { fixture } from '@emu-ts/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Emu } from './index.js';

/** What a turn of a dialogue reads: counted in positions, pictures and answers among them. */
let emu: Emu;
beforeAll(async () => {
  emu = await Emu.fromPretrained(fixture('goldens', 'checkpoint'), { device: 'onnx', imageDecoder: false });
});
afterAll(() => emu.dispose());

it.each([1, 3])('reads of the second turn what is new, with %i beams', async (beams) => {
  const picture = { image: fixture('goldens', 'images', '1.png') };
  const turns = [[picture, 'What is it?'], ['And now?']];
  const talk = async (forget: boolean) => {
    const chat = emu.chat();
    emu.past.dispose();
    const said: { text: string; read: number; input: number }[] = [];
    for (const turn of turns) {
      let read = 0;
      const onProgress = ({ phase, total }: { phase: string; total?: number | undefined }) => {
        if (phase === 'prefill') read = total ?? 0;
      };
      const { text, usage } = await chat.say(turn, { beams, maxNewTokens: 6, onProgress }).result();
      said.push({ text, read, input: usage.input });
      if (forget) emu.past.dispose();
    }
    return said;
  };
  const whole = await talk(true);
  const once = await talk(false);
  expect(once.map(({ text }) => text)).toEqual(whole.map(({ text }) => text));
  expect(whole[1].read).toBe(whole[1].input);
  expect(once[0].read).toBe(whole[0].read);
  expect(once[1].read).toBeGreaterThan(0);
  expect(once[1].read).toBeLessThanOrEqual(whole[1].input - whole[0].input);
});
