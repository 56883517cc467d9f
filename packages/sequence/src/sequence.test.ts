import { readFileSync } from 'node:fs';
import type { Sequence } from '@emu-ts/contracts';
import { instructTokens, pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { describe, expect, test } from 'vitest';
import {
  blend,
  type ChatOptions,
  chat,
  checkPrompt,
  emuFormat,
  encodeSequence,
  end,
  fewShot,
  fillPrompt,
  generate,
  ignoredLabel,
  image,
  imagePlaceholder,
  imagesOf,
  inContextGeneration,
  interleaved,
  type Message,
  mapImages,
  pair,
  parsePrompt,
  prompts,
  renderPrompt,
  role,
  sequenceTokens,
  systemMessages,
  text,
  textToImage,
  trainingTargets,
  video,
  videoSequence,
} from './index.js';

const model = readFileSync(new URL('../../../fixtures/goldens/checkpoint/tokenizer.model', import.meta.url));
const base = Tokenizer.fromModel(model, { special: pretrainTokens });
const instruct = Tokenizer.fromModel(model, { special: instructTokens });
const queries = 3;
const img = imagePlaceholder(queries);
const render = (sequence: Sequence<unknown>) => renderPrompt(sequence, { queries });
const code = (code: string, sides: object = {}) => expect.objectContaining({ code, ...sides });

describe('builders', () => {
  test('pairs, documents, video, examples and generation lay out as plain concatenation', () => {
    expect(img).toBe('[IMG]<image><image><image>[/IMG]');
    expect(render(pair('a', 'two dogs.'))).toBe(`${img}two dogs.`);
    expect(render(pair('a', 'two dogs.', 'text-first'))).toBe(`two dogs.${img}`);
    const parts = [{ text: 'One.', image: 'a' }, { text: ' Two.' }, { image: 'b', text: ' Three.' }];
    expect(render(interleaved(parts))).toBe(`${img}One. Two.${img} Three.`);
    expect(render(interleaved(parts, (i) => (i === 0 ? 'text-first' : 'image-first')))).toBe(
      `One.${img} Two.${img} Three.`,
    );
    expect(render(videoSequence(['a', 'b'], 'a dog runs.'))).toBe(`${img}${img}a dog runs.`);
    expect(render(fewShot([{ text: 'is it red? yes.' }], { image: 'a', text: 'is it blue?' }))).toBe(
      `is it red? yes.${img}is it blue?`,
    );
    expect(render(blend(['a', 'b']))).toBe(`${img}${img}[IMG]`);
    expect(render(textToImage('a dog'))).toBe('a dog[IMG]');
    expect(render(inContextGeneration([{ text: 'first: ', image: 'a' }], 'as a cat: '))).toBe(
      `first: ${img}as a cat: [IMG]`,
    );
  });

  test('images come back in order, frames among them, and can be replaced', () => {
    const sequence = [image('a'), text('and'), video(['b', 'c']), end];
    expect(imagesOf(sequence)).toEqual(['a', 'b', 'c']);
    expect(imagesOf(mapImages(sequence, (name) => name.toUpperCase()))).toEqual(['A', 'B', 'C']);
  });

  test('an image to generate has to be last', () => {
    expect(() => render([generate, text('x')])).toThrow(code('SEQUENCE', { got: 0, wanted: 1 }));
  });

  test('marks and images have to be equally many', () => {
    expect(parsePrompt('a [<IMG_PLH>] b', ['x'], { queries })).toEqual([text('a '), image('x'), text(' b')]);
    expect(() => parsePrompt('a [<IMG_PLH>]', ['x', 'y'], { queries })).toThrow(
      code('IMAGE_COUNT', { got: 2, wanted: 1 }),
    );
  });
});

describe('chat', () => {
  const say = (messages: readonly Message<string>[], options?: ChatOptions) =>
    render(chat(messages, options));
  const picture: Message<string> = { role: 'user', content: [image('a'), text('what is it?')] };

  test('the system message follows the content', () => {
    expect(say([picture])).toBe(`${systemMessages.image} [USER]: ${img}what is it? [ASSISTANT]:`);
    expect(say([{ role: 'user', content: [video(['a', 'b']), text('what happens?')] }])).toBe(
      `${systemMessages.video} [USER]: ${img}${img}what happens? [ASSISTANT]:`,
    );
    expect(say([{ role: 'user', content: [image('a'), image('b')] }])).toBe(
      `[USER]: ${img}${img} [ASSISTANT]:`,
    );
    expect(say([{ role: 'user', content: 'hello' }])).toBe('[USER]: hello [ASSISTANT]:');
  });

  test('pictures in answers leave the beginning as it was', () => {
    const drawn: Message<string> = { role: 'assistant', content: [text('like this: '), image('b')] };
    expect(say([picture, drawn]).startsWith(say([picture]))).toBe(true);
    const asked: Message<string> = { role: 'user', content: 'draw a star.' };
    expect(say([asked, drawn]).startsWith(say([asked]))).toBe(true);
  });

  test('a given system message is used, even an empty one', () => {
    expect(say([{ role: 'system', content: 'Be brief.' }, picture])).toBe(
      `Be brief. [USER]: ${img}what is it? [ASSISTANT]:`,
    );
    expect(say([{ role: 'system', content: '' }, picture])).toBe(`[USER]: ${img}what is it? [ASSISTANT]:`);
  });

  test('finished turns end with </s>, a last answer may stay open', () => {
    const turns: Message<string>[] = [
      { role: 'user', content: [image('a')] },
      { role: 'user', content: 'is it red?' },
      { role: 'assistant', content: 'yes.' },
      { role: 'user', content: 'is it round?' },
    ];
    const past = `${systemMessages.image} [USER]: ${img}</s> [USER]: is it red? [ASSISTANT]: yes.</s> [USER]: is it round? [ASSISTANT]:`;
    expect(say(turns)).toBe(past);
    const answered: Message<string>[] = [...turns, { role: 'assistant', content: 'no.' }];
    expect(say(answered)).toBe(`${past} no.</s>`);
    expect(say(answered, { continueLast: true })).toBe(`${past} no.`);
  });

  test.each([
    [
      [
        { role: 'user', content: 'a' },
        { role: 'system', content: 'b' },
      ],
    ],
    [
      [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'assistant', content: 'c' },
      ],
    ],
  ] as [Message<string>[]][])('refuses turns out of order', (messages) => {
    expect(() => chat(messages)).toThrow(code('SEQUENCE'));
  });
});

describe('prompts', () => {
  const fill = (name: keyof typeof prompts, values: Parameters<typeof fillPrompt<string>>[1]) =>
    render(fillPrompt(prompts[name], values));

  test('are the strings of the reference', () => {
    expect(fill('cocoCaption', { image: image('a') })).toBe(
      `You will be presented with an image: [IMG]ImageContent[/IMG]. You will be able to see the image after I provide it to you. Please answer my questions based on the given image. [USER]: ${img} please provide an accurate and concise description of the given image. [ASSISTANT]: the image depicts a photo of`,
    );
    expect(fill('caption', { image: image('a') })).toContain(
      `[USER]: ${img}Please provide an accurate and concise description of the given image. [ASSISTANT]: The image depicts a photo of`,
    );
    expect(fill('shortAnswer', { image: image('a'), question: 'what is it?' })).toContain(
      `[USER]: ${img} based on the content of the image and common sense, please provide an accurate answer consisting of only one word or phrase. what is it? [ASSISTANT]: the answer is:`,
    );
    expect(fill('answerability', { image: image('a'), question: 'what is it' })).toMatch(
      /phrase\. what is it, is the answer known\? \[ASSISTANT\]:$/,
    );
    expect(fill('question', { image: image('a'), question: 'why?' })).toContain(
      `[USER]: ${img}why? [ASSISTANT]:`,
    );
    expect(fill('videoQuestion', { video: video(['a', 'b']), question: 'why?' })).toBe(
      `${systemMessages.video} [USER]: ${img}${img}why? [ASSISTANT]:`,
    );
    expect(fill('zeroShotCaption', { image: image('a') })).toBe(
      `${img} describing the image in detail. the image shows`,
    );
    expect(fill('zeroShotAnswer', { caption: 'a dog', question: 'what is it?' })).toBe(
      'a picture of a dog. based on the picture, what is it? short answer:',
    );
    expect(
      fill('inContextGeneration', { first: image('a'), second: image('b'), instruction: 'Both: ' }),
    ).toBe(`This is the first image: ${img}This is the second image: ${img}Both: [IMG]`);
  });

  test('each suits its own model', () => {
    for (const prompt of Object.values(prompts)) {
      const template = prompt.model === 'base' ? prompt.text : prompt.user;
      const values = Object.fromEntries([...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, 'x']));
      expect(checkPrompt(fillPrompt(prompt, values), prompt.model)).toEqual([]);
    }
  });

  test('a missing or unknown value is named', () => {
    expect(() => fillPrompt(prompts.question, { image: image('a') })).toThrow(
      code('PROMPT_VALUE', { path: 'question' }),
    );
    expect(() => fillPrompt(prompts.textToImage, { caption: 'a', size: 'b' })).toThrow(
      code('PROMPT_VALUE', { path: 'size' }),
    );
  });
});

describe('checkPrompt', () => {
  const codes = (...args: Parameters<typeof checkPrompt>) =>
    checkPrompt(...args).map((warning) => warning.code);

  test('warns of a prompt for the other model', () => {
    const talk = chat([{ role: 'user', content: 'hello' }]);
    expect(codes(talk, 'instruct')).toEqual([]);
    expect(codes(talk, 'base')).toEqual(['INSTRUCT_TEMPLATE_ON_BASE']);
    expect(codes('[USER]: hi [ASSISTANT]:', 'base')).toEqual(['INSTRUCT_TEMPLATE_ON_BASE']);
    expect(codes('There is', 'base')).toEqual([]);
    expect(codes('There is', 'instruct')).toEqual(['NO_TEMPLATE_ON_INSTRUCT']);
    expect(codes(textToImage('a dog'), 'base')).toEqual([]);
    expect(codes(textToImage('a dog'), 'instruct')).toEqual([
      'NO_TEMPLATE_ON_INSTRUCT',
      'IMAGE_GENERATION_ON_INSTRUCT',
    ]);
  });
});

describe('encodeSequence', () => {
  test('knows where the images are, and who they are', () => {
    const sequence = [text('a red '), image('a'), video(['b', 'c']), text(' dog')];
    const { ids, imageSlots, images } = encodeSequence(base, sequence, { queries, eos: true });
    const { image: slot, imageOpen, imageClose } = sequenceTokens(base);
    expect(images).toEqual(['a', 'b', 'c']);
    for (const at of imageSlots) {
      expect(ids.slice(at - 1, at + queries + 1)).toEqual([imageOpen, slot, slot, slot, imageClose]);
    }
    expect(ids.at(-1)).toBe(base.eosId);
    expect(base.decode(ids)).toBe('a red dog');
  });

  test('the [IMG] of the system message is no image', () => {
    const { imageSlots } = encodeSequence(instruct, fillPrompt(prompts.caption, { image: image('a') }), {
      queries,
    });
    expect(imageSlots).toHaveLength(1);
  });

  test('placeholders in the text are refused, with both numbers', () => {
    expect(() => encodeSequence(base, [text(img)], { queries })).toThrow(
      code('IMAGE_COUNT', { got: 0, wanted: 1 }),
    );
    expect(() => encodeSequence(base, [text('<image>'), image('a')], { queries })).toThrow(
      code('IMAGE_COUNT', { got: 1, wanted: queries }),
    );
  });

  test('a prompt longer than the context is refused, with both numbers', () => {
    const sequence = [image('a'), text('a dog')];
    const { length } = encodeSequence(base, sequence, { queries }).ids;
    expect(
      encodeSequence(base, sequence, { queries, contextLength: length + 2, reserve: 2 }).ids,
    ).toHaveLength(length);
    expect(() => encodeSequence(base, sequence, { queries, contextLength: length + 1, reserve: 2 })).toThrow(
      code('CONTEXT_LENGTH', { got: length + 2, wanted: length + 1 }),
    );
  });

  test('a tokenizer without image tokens is refused', () => {
    expect(() => emuFormat(Tokenizer.fromModel(model), { queries })).toThrow(code('SPECIAL_TOKEN'));
  });
});

describe('trainingTargets', () => {
  const tokens = sequenceTokens(base);
  const { ids } = encodeSequence(base, pair('a', 'a dog'), { queries, eos: true });
  const row = [tokens.pad, ...ids, tokens.pad];
  const open = row.indexOf(tokens.imageOpen);

  test('text, its end and its beginning are labels; image tokens and padding are not', () => {
    const { labels } = trainingTargets(row, tokens, { queries });
    const kept = [...labels].filter((label) => label !== ignoredLabel);
    expect(kept).toEqual([base.bosId, ...base.encode('a dog', { bos: false, eos: true })]);
  });

  test('an image of n embeddings gives n + 1 pairs', () => {
    const { regressionInputs, regressionLabels } = trainingTargets(row, tokens, { queries });
    expect([...regressionInputs]).toEqual([open, open + 1, open + 2, open + 3]);
    expect([...regressionLabels]).toEqual([open + 1, open + 2, open + 3, open + 4]);
  });

  test('[IMG] is a label on demand, where an image begins', () => {
    const plain = trainingTargets(row, tokens, { queries }).labels;
    const opened = trainingTargets(row, tokens, { queries, superviseImageOpen: true }).labels;
    const changed = [...opened.keys()].filter((at) => opened[at] !== plain[at]);
    expect(changed).toEqual([open]);
    expect(opened[open]).toBe(tokens.imageOpen);
  });

  test('an image cut short is refused', () => {
    expect(() => trainingTargets(row.slice(0, open + 2), tokens, { queries })).toThrow(
      code('IMAGE_COUNT', { got: 1, wanted: queries }),
    );
  });

  test('answers need a tokenizer with roles', () => {
    expect(() => trainingTargets(row, tokens, { queries, answersOnly: true })).toThrow(code('SPECIAL_TOKEN'));
  });

  test('a forced beginning is part of the answer, the role and its colon are not', () => {
    const roles = sequenceTokens(instruct);
    const sequence = [role('user'), text('a dog?'), role('assistant'), text('the dog'), end];
    const encoded = encodeSequence(instruct, sequence, { queries });
    const { labels } = trainingTargets(encoded.ids, roles, { queries, answersOnly: true });
    const kept = [...labels].filter((label) => label !== ignoredLabel);
    expect(kept).toEqual(instruct.encode(': the dog', { bos: false, eos: true }).slice(roles.colon.length));
  });
});
