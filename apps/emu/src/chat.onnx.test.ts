import { fixture } from '@emu-ts/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Chat, type CompleteOptions, Emu, type EmuItem } from './index.js';

/** What a turn of a dialogue reads: counted in positions, pictures and answers among them. */
let emu: Emu;
beforeAll(async () => {
  emu = await Emu.fromPretrained(fixture('goldens', 'checkpoint'), { device: 'onnx', imageDecoder: false });
});
afterAll(() => emu.dispose());

/** A turn, and how many positions the language model read for it. */
async function say(chat: Chat, items: EmuItem[], options: CompleteOptions) {
  let read = 0;
  const onProgress: CompleteOptions['onProgress'] = ({ phase, total }) => {
    if (phase === 'prefill') read = total ?? 0;
  };
  const { text, usage } = await chat.say(items, { maxNewTokens: 6, onProgress, ...options }).result();
  return { text, read, input: usage.input };
}

it.each([1, 3])(
  'reads of the second turn what is new, with %i beams, whatever another dialogue says between',
  async (beams) => {
    const picture = { image: fixture('goldens', 'images', '1.png') };
    const turns: EmuItem[][] = [[picture, 'What is it?'], ['And now?']];
    using forgetful = emu.chat();
    using chat = emu.chat();
    using other = emu.chat();
    const [whole, once]: Awaited<ReturnType<typeof say>>[][] = [[], []];
    for (const turn of turns) {
      whole.push(await say(forgetful, turn, { beams, past: undefined }));
      once.push(await say(chat, turn, { beams }));
      await say(other, ['Something else.'], { beams });
    }
    expect(once.map(({ text }) => text)).toEqual(whole.map(({ text }) => text));
    expect(whole[1].read).toBe(whole[1].input);
    expect(once[0].read).toBe(whole[0].read);
    expect(once[1].read).toBeGreaterThan(0);
    expect(once[1].read).toBeLessThanOrEqual(whole[1].input - whole[0].input);
  },
);

it('ends when it is disposed', async () => {
  const chat = emu.chat();
  chat.dispose();
  await expect(chat.say('Hello?').text()).rejects.toMatchObject({ code: 'DISPOSED' });
});
