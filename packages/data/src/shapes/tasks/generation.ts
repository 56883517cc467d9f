import { image, text } from '@emu-ts/sequence';
import type { Draws } from '../../draws.js';
import type { Turn } from '../sample.js';
import { caption, plainCaption } from '../words/caption.js';
import { indefinite, relationWords } from '../words/name.js';
import {
  arrange,
  drawFacts,
  drawManyFacts,
  drawRandomScene,
  isAllowed,
  retry,
  type World,
} from '../world/compose.js';
import { type Facts, factsOf, type ObjectFacts, relationOf, type Scene } from '../world/scene.js';

type Turns = readonly Turn<Scene>[];

const drawWords = ['draw', 'show me', 'make a picture of', 'paint'] as const;

/** Words and the picture of them: one or two objects, sometimes without a size, two with their relation. */
export function textToImageTask(draws: Draws, w: World, count?: number): Turns {
  const scene = drawRandomScene(draws, w, count ?? 1 + draws.int(Math.min(2, w.objects[1])));
  const said = scene.objects.map((object): ObjectFacts => {
    const { shape, colour } = object;
    return draws.chance(0.7) ? factsOf(object) : { shape, colour };
  });
  const [first, second] = said.map(indefinite);
  const relation = second === undefined ? undefined : relationOf(scene.objects[0], scene.objects[1]);
  const words = relation === undefined ? first : `${first} ${draws.pick(relationWords[relation])} ${second}`;
  return [
    {
      ask: [text(`${words}.`)],
      request: [text(`${draws.pick(drawWords)} ${words}.`)],
      reply: [image(scene)],
      truth: { kind: 'image', objects: said, relation },
    },
  ];
}

/** Facts of a result that training never and tests always show as a held-out combination. */
const drawResult = (draws: Draws, w: World): Facts => drawFacts(draws, w, w.split === 'test');

/** The facts as a source may show them: a training sample must not show held-out combinations on the way either. */
const drawSource = (draws: Draws, w: World, fixed: ObjectFacts): Facts =>
  retry('source image', () => {
    const free = { shape: draws.pick(w.shapes), colour: draws.pick(w.colours), size: draws.pick(w.sizes) };
    const facts = { ...free, ...fixed } as Facts;
    return isAllowed(facts, w.split) ? facts : undefined;
  });

/** The shape of the first image in the colour of the second. */
export function inContextTask(draws: Draws, w: World): Turns {
  const swapped = draws.chance(0.3);
  const [first, second, result] = retry('pair of images', () => {
    const result = drawResult(draws, w);
    const shaped = drawSource(draws, w, { shape: result.shape, size: result.size });
    const coloured = drawSource(draws, w, { colour: result.colour });
    if (shaped.colour === result.colour || coloured.shape === result.shape) return undefined;
    return swapped ? ([coloured, shaped, result] as const) : ([shaped, coloured, result] as const);
  });
  const [one, two, out] = [first, second, result].map((facts) => arrange(draws, w, [facts]));
  const [shaped, coloured] = swapped ? ['second', 'first'] : ['first', 'second'];
  const instruction = `the shape of the ${shaped} image in the colour of the ${coloured} image:`;
  return [
    {
      ask: [
        text('this is the first image:'),
        image(one),
        text('this is the second image:'),
        image(two),
        text(instruction),
      ],
      request: [image(one), image(two), text(`draw ${instruction.replace(':', '.')}`)],
      reply: [image(out)],
      truth: { kind: 'image', objects: [{ shape: result.shape, colour: result.colour }] },
    },
  ];
}

/** Two images and one that shows what is in both, the first on the left. */
export function blendTask(draws: Draws, w: World): Turns {
  const facts = drawManyFacts(draws, w, 2);
  const out = arrange(draws, w, facts, ([a, b]) => relationOf(a, b) === 'left of');
  const sources = facts.map((one) => arrange(draws, w, [one]));
  return [
    {
      ask: sources.map((scene) => image(scene)),
      request: [
        ...sources.map((scene) => image(scene)),
        text(draws.pick(['blend these pictures.', 'draw both in one picture.'])),
      ],
      reply: [image(out)],
      truth: { kind: 'image', objects: facts.map(({ shape, colour }) => ({ shape, colour })) },
    },
  ];
}

/** A picture, its description and the same object in another colour: words and an image in one reply. */
export function describeAndDrawTask(draws: Draws, w: World): Turns {
  const [before, facts] = retry('object to repaint', () => {
    const result = drawResult(draws, w);
    const source = drawSource(draws, w, { shape: result.shape, size: result.size });
    return source.colour === result.colour ? undefined : ([source, result] as const);
  });
  const scene = arrange(draws, w, [before]);
  const drawn = arrange(draws, w, [facts]);
  const { x, y, radius, rotation } = scene.objects[0];
  const painted = { ...drawn, objects: [{ ...drawn.objects[0], x, y, radius, rotation }] };
  const words = draws.pick([
    'describe it and draw it in',
    'what is this? draw it in',
    'describe the picture, then paint it',
  ]);
  return [
    {
      ask: [image(scene), text(`${words} ${facts.colour}.`)],
      reply: [text(caption(draws, scene)), image(painted)],
      truth: {
        kind: 'both',
        caption: { scene },
        image: { objects: [{ shape: facts.shape, colour: facts.colour }] },
      },
    },
  ];
}

/** Several pictures, each with its words before or after it, as pages have them. */
export function documentTask(draws: Draws, w: World): Turns {
  const scenes = Array.from({ length: 2 + draws.int(3) }, () => drawRandomScene(draws, w));
  const parts = scenes.flatMap((scene, i) => {
    const start =
      i === 0 ? draws.pick(['here is', 'we see']) : draws.pick(['then comes', 'next is', 'and here is']);
    const words = text(`${start} ${plainCaption(draws, scene)}`);
    return draws.chance(0.5) ? [words, image(scene)] : [image(scene), words];
  });
  return [
    { ask: [], request: [text('show me some pictures.')], reply: parts, truth: { kind: 'document', scenes } },
  ];
}
