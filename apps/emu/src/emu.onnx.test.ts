import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type HostTensor, tensor } from '@emu-ts/base';
import { encodeSafetensors, openCheckpoint } from '@emu-ts/checkpoint';
import type { Tokenizer } from '@emu-ts/contracts';
import { onnx } from '@emu-ts/onnx';
import { fixture, readmeExamples } from '@emu-ts/testing';
import { weightsFolder } from '@emu-ts/tiny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveFiles } from '../test/serve.js';
import { Emu, type EmuEvent } from './index.js';

/** The library face on the tiny checkpoint of the fixtures: what users do, and what they get wrong. */
const checkpoint = fixture('goldens', 'checkpoint');
const picture = (i: number) => ({ image: fixture('goldens', 'images', `${i}.png`) });
const small = { steps: 2, height: 32, width: 32 };
let emu: Emu;

beforeAll(async () => {
  emu = await Emu.fromPretrained(checkpoint, { safetyChecker: false });
}, 60_000);
afterAll(() => emu.dispose());

const collect = async (events: AsyncIterable<EmuEvent>) => {
  const all: EmuEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
};

describe('replies', () => {
  it('stream text whose deltas join to the whole, and say why they ended', async () => {
    const events = await collect(emu.complete([picture(0), 'There is'], { beams: 1, maxNewTokens: 6 }));
    const deltas = events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : []));
    expect(deltas.length).toBeGreaterThan(1);
    const whole = await emu.complete([picture(0), 'There is'], { beams: 1, maxNewTokens: 6 }).result();
    expect(whole.text).toBe(deltas.join(''));
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'length', usage: { output: 6 } });
  });

  it('repeat for equal seeds, and differ for others', async () => {
    const draw = async (seed: number) =>
      (await emu.draw(['a red circle'], { ...small, seed }).images())[0].data;
    const say = (seed: number) => emu.complete(['hello'], { sampling: { seed }, maxNewTokens: 12 }).text();
    expect(await draw(3)).toEqual(await draw(3));
    expect(await draw(3)).not.toEqual(await draw(4));
    expect(await say(1)).toBe(await say(1));
    expect(new Set(await Promise.all([1, 2, 3, 4].map(say))).size).toBeGreaterThan(1);
  });

  it('report every embedding and step of a picture, and previews when asked', async () => {
    const events = await collect(emu.draw(['a red circle'], { ...small, previewEvery: 1 }));
    const steps = (phase: string) =>
      events.filter((e) => e.type === 'image-progress' && e.phase === phase).length;
    expect(steps('embed')).toBeGreaterThanOrEqual(emu.components.causalTransformer.queries);
    expect(steps('denoise')).toBeGreaterThanOrEqual(2);
    expect(events.some(({ type }) => type === 'image-preview')).toBe(true);
    expect(events.filter(({ type }) => type === 'image')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'image' });
  });

  it('keep to the answers that are allowed', async () => {
    const answer = await emu.complete([picture(1), 'Is it a dog?'], { answers: ['yes.', 'no.'] }).text();
    expect(['yes.', 'no.']).toContain(answer);
  });

  it('hold words and pictures when the model opens an image', async () => {
    // A tokenizer for which the likeliest first token means [IMG] stands in for a model that learned to open images.
    const first = emu.components.tokenizer.encode(
      await emu.complete(['hi'], { beams: 1, maxNewTokens: 1 }).text(),
      { bos: false },
    );
    const { tokenizer: real } = emu.components;
    const tokenizer: Tokenizer = {
      size: real.size,
      bosId: real.bosId,
      eosId: real.eosId,
      special: new Map(real.special).set('[IMG]', first.at(-1) as number),
      encode: (text, options) => real.encode(text, options),
      decode: (ids, options) => real.decode(ids, options),
      decoder: (options) => real.decoder(options),
    };
    const opening = new Emu({ ...emu.components, tokenizer });
    const { images, reason } = await opening
      .complete(['hi'], { output: 'auto', maxImages: 1, maxNewTokens: 20, draw: small })
      .result();
    expect(images).toHaveLength(1);
    expect(['end', 'length']).toContain(reason);
  });

  it('answer about videos given as frames, and remember pictures between calls', async () => {
    const frames = [0, 1, 2].map((i) => picture(i).image);
    const text = await emu.ask([{ video: frames }], 'What happens?', { beams: 1, maxNewTokens: 4 }).text();
    expect(typeof text).toBe('string');
  });

  it('warn about a prompt for the other model', async () => {
    const { warnings } = await emu
      .complete(['[USER]: hello [ASSISTANT]:'], { beams: 1, maxNewTokens: 1 })
      .result();
    expect(warnings.join()).toContain('[USER]');
  });
});

describe('a dialogue', () => {
  it('remembers turns, and forgets one that was aborted', async () => {
    using chat = emu.chat();
    await chat.say([picture(0), 'What is it?'], { beams: 1, maxNewTokens: 3 }).text();
    expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    const before = chat.messages;
    await expect(chat.say('And now?', { signal: AbortSignal.abort() }).text()).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(chat.messages).toBe(before);
    await chat.say('And now?', { beams: 1, maxNewTokens: 3 }).text();
    expect(chat.messages).toHaveLength(4);
  });

  it('refuses a turn while another is being answered', async () => {
    using chat = emu.chat();
    const first = chat.say('one', { beams: 1, maxNewTokens: 4 })[Symbol.asyncIterator]();
    await first.next();
    await expect(chat.say('two').text()).rejects.toMatchObject({ code: 'BUSY' });
    await first.return?.();
    await chat.say('three', { beams: 1, maxNewTokens: 1 }).text();
  });
});

describe('aborting', () => {
  it('stops at any event of text and pictures, and the model goes on working', async () => {
    const replies = [
      (signal: AbortSignal) => emu.complete([picture(0), 'There is'], { signal, beams: 1, maxNewTokens: 8 }),
      (signal: AbortSignal) => emu.draw(['a red circle'], { ...small, signal }),
    ];
    for (const reply of replies) {
      const total = (await collect(reply(new AbortController().signal))).length;
      for (let stop = 0; stop < total - 1; stop += 3) {
        const controller = new AbortController();
        let seen = 0;
        const reading = (async () => {
          for await (const _ of reply(controller.signal)) if (seen++ === stop) controller.abort();
        })();
        await expect(reading, `stopped after event ${stop} of ${total}`).rejects.toMatchObject({
          name: 'AbortError',
        });
      }
    }
    expect(await emu.complete(['hi'], { beams: 1, maxNewTokens: 2 }).text()).not.toBe('');
  });

  it('stops loading and leaves nothing behind', async () => {
    const controller = new AbortController();
    const loading = Emu.fromPretrained(checkpoint, {
      signal: controller.signal,
      onProgress: ({ component }) => component === 'unet' && controller.abort(),
    });
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('what is wrong is said', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'emu-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it.each([
    ['a prompt longer than the context', () => emu.complete(['long '.repeat(2000)]).text(), 'CONTEXT_LENGTH'],
    [
      'image placeholders in the text',
      () => emu.complete(['<image><image>', picture(0)]).text(),
      'IMAGE_COUNT',
    ],
    ['one picture to blend', async () => emu.blend([picture(0)]).images(), 'OPTION'],
    ['an unknown sampler', () => emu.draw(['x'], { ...small, scheduler: 'magic' }).images(), 'SCHEDULER'],
    [
      'a size that does not divide',
      () => emu.draw(['x'], { steps: 2, height: 31, width: 32 }).images(),
      'IMAGE_SIZE',
    ],
    ['a video without frames', () => emu.ask([{ video: [] }], 'x').text(), 'EMPTY'],
    ['no answers to rank', () => emu.rank(['x'], []), 'OPTION'],
    ['a folder without a model', () => Emu.fromPretrained(dir), 'CHECKPOINT_LAYOUT'],
    [
      'an unknown component',
      () => Emu.fromPretrained(checkpoint, { device: { 'language-modle': 'onnx' } as object }),
      'OPTION',
    ],
  ] as const)('%s', async (_, call, code) => {
    await expect((async () => call())()).rejects.toMatchObject({ code });
  });

  it('a text file named .png, and an empty one', async () => {
    const [text, empty] = [path.join(dir, 'text.png'), path.join(dir, 'empty.png')];
    await writeFile(text, 'not a picture');
    await writeFile(empty, '');
    await expect(emu.caption({ image: text }).text()).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' });
    await expect(emu.caption({ image: empty }).text()).rejects.toMatchObject({ code: 'EMPTY' });
  });

  it('tensors that are missing, unexpected or misshapen, all at once and before anything is placed', async () => {
    await using released = await openCheckpoint(
      path.join(checkpoint, 'multimodal_encoder', 'pytorch_model.bin'),
    );
    const tensors = new Map<string, HostTensor>();
    for (const name of released.entries.keys()) tensors.set(name, await released.read(name));
    tensors.delete('cformer.projection.bias');
    tensors.set('decoder.lm.surprise.weight', tensor('f32', [2]));
    tensors.set('ln_visual.bias', tensor('f32', [3]));
    const files = new Map([
      [
        'multimodal_encoder/pytorch_model.safetensors',
        new Blob([encodeSafetensors(tensors) as Uint8Array<ArrayBuffer>]),
      ],
      ['tokenizer.model', new Blob([await readFile(path.join(checkpoint, 'tokenizer.model'))])],
      ['config.json', new Blob([await readFile(fixture('goldens', 'config.json'))])],
    ]);
    const failure = await Emu.fromPretrained(files, { imageDecoder: false }).catch((error) => error);
    expect(failure).toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      missing: ['cformer.projection.bias'],
      unexpected: ['decoder.lm.surprise.weight'],
      misshapen: [{ name: 'ln_visual.bias' }],
    });
  });

  it('candidates that cannot be drawn, and what was placed before them is freed', async () => {
    const folder = path.join(dir, 'candidates');
    await cp(weightsFolder, folder, { recursive: true });
    const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
    const drawing = { ...config.drawing, candidates: 0.5 };
    await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...config, drawing }));
    await using device = await onnx();
    const before = await device.holdings();
    await expect(Emu.fromPretrained(folder, { device })).rejects.toMatchObject({ code: 'CANDIDATES' });
    expect(await device.holdings()).toEqual(before);
  });

  it('a picture asked of a model without a decoder', async () => {
    const { imageDecoder: _, ...words } = emu.components;
    await expect(new Emu(words).draw(['x']).images()).rejects.toMatchObject({ code: 'NO_DECODER' });
  });
});

describe('a checkpoint elsewhere', () => {
  it('is read from blobs and by HTTP ranges', async () => {
    const root = fixture('goldens');
    await using server = await serveFiles({ '/': { folder: root } });
    const options = { beams: 1, maxNewTokens: 3 };
    const wanted = await emu.complete(['hi'], options).text();
    await using remote = await Emu.fromPretrained(`${server.url}checkpoint/`, {
      imageDecoder: false,
    });
    expect(await remote.complete(['hi'], options).text()).toBe(wanted);

    const names = [
      'checkpoint/multimodal_encoder/pytorch_model.bin',
      'checkpoint/tokenizer.model',
      'config.json',
    ];
    const files = new Map<string, Blob>();
    for (const name of names)
      files.set(name.replace('checkpoint/', ''), new Blob([await readFile(path.join(root, name))]));
    await using picked = await Emu.fromPretrained(files, { imageDecoder: false });
    expect(await picked.complete(['hi'], options).text()).toBe(wanted);
  });

  it('is the instruction-tuned one, in int8 as well', async () => {
    await using instruct = await Emu.fromPretrained(checkpoint, {
      variant: 'instruct',
      dtype: 'int8',
      imageDecoder: false,
    });
    const text = await instruct.ask([picture(0)], 'What is it?', { beams: 1, maxNewTokens: 3 }).text();
    expect(text).not.toBe('');
  });
});

readmeExamples(import.meta.url);
