import type { RgbImage } from '@emu-ts/contracts';
import type { EmuEvent, EmuItem } from '@emu-ts/emu';
import { decodeImage } from '@emu-ts/media';
import { Board } from './board.js';
import { exampleOf, tasks } from './examples.js';
import { Model } from './model.js';
import { show } from './picture.js';
import type { Answer, Device, Variant } from './protocol.js';

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const on = (id: string, act: () => unknown): void => element(id).addEventListener('click', act);
const numberIn = (id: string): number => element<HTMLInputElement>(id).valueAsNumber;

const board = new Board(element('board'));
const model = new Model();
const [device, variant, task] = ['device', 'variant', 'task'].map((id) => element<HTMLSelectElement>(id));
const [state, words] = ['state', 'words'].map((id) => element<HTMLOutputElement>(id));
const picture = element<HTMLCanvasElement>('picture');
const progress = element<HTMLProgressElement>('progress');
const save = element<HTMLAnchorElement>('save');

/** What the last reply brought, to be kept on the board. */
let made: EmuItem[] = [];

function begin(): void {
  made = [];
  words.value = '';
  picture.hidden = save.hidden = true;
  setBusy(true);
}

function setBusy(busy: boolean): void {
  for (const id of ['write', 'draw', 'example', 'device', 'variant'])
    element<HTMLButtonElement>(id).disabled = busy;
  element<HTMLButtonElement>('stop').disabled = !busy;
  element<HTMLButtonElement>('keep').disabled = busy || made.length === 0;
  progress.hidden = !busy;
  progress.removeAttribute('value');
}

const move = (done: number, of: number): void => {
  if (of > 0) [progress.max, progress.value] = [of, done];
};

function hear(event: EmuEvent): void {
  if (event.type === 'text-delta') words.value += event.text;
  else if (event.type === 'image-progress') move(event.step, event.steps);
  else if (event.type === 'image-preview') showPicture(event.preview.images[0]);
  else if (event.type === 'image') finish(event.image);
  else if (words.value) made.push(words.value);
}

function showPicture(image: RgbImage): void {
  show(picture, image);
  picture.hidden = false;
}

function finish(image: RgbImage): void {
  showPicture(image);
  made.push({ width: image.width, height: image.height, data: image.data });
  save.href = picture.toDataURL('image/png');
  save.hidden = false;
}

async function reply(output: Answer['output']): Promise<void> {
  begin();
  try {
    const weights = new URL('.', document.baseURI).href;
    const wanted = { weights, device: device.value as Device, variant: variant.value as Variant };
    await model.load(wanted, ({ component, loaded, total }) => {
      state.value = `Loading ${component} …`;
      move(loaded, total);
    });
    state.value = 'Working …';
    const settings = { seed: numberIn('seed'), steps: numberIn('steps'), candidates: numberIn('candidates') };
    await model.answer({ items: board.items, output, settings }, hear);
    state.value = 'Ready.';
  } catch (error) {
    state.value = (error as Error).message;
  } finally {
    setBusy(false);
  }
}

async function addPictures(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      board.add(await decodeImage(file));
    } catch (error) {
      state.value = `${file.name}: ${(error as Error).message}`;
    }
  }
}

on('write', () => reply('text'));
on('draw', () => reply('image'));
on('stop', () => model.stop());
on('keep', () => board.add(...made.splice(0)));
on('clear', () => board.set([]));
on('add-text', () => board.add(' '));
on('example', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  board.set(exampleOf(task.value as (typeof tasks)[number], variant.value as Variant, seed));
});
element<HTMLInputElement>('add-picture').addEventListener('change', ({ target }) =>
  addPictures([...((target as HTMLInputElement).files ?? [])]),
);
element('board').addEventListener('dragover', (event) => event.preventDefault());
element('board').addEventListener('drop', (event) => {
  event.preventDefault();
  addPictures([...(event.dataTransfer?.files ?? [])]);
});
task.append(...tasks.map((name) => new Option(name)));
board.set(exampleOf('caption', 'base', 11));
