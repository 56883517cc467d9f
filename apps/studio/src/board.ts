import { type EmuItem, isRgbImage } from '@emu-ts/emu';
import { canvasOf } from './picture.js';

/** The sequence that the model goes on from, to be edited, put in order and read. */
export class Board {
  #items: EmuItem[] = [];

  constructor(readonly list: HTMLOListElement) {}

  get items(): readonly EmuItem[] {
    return this.#items.filter((item) => item !== '');
  }

  set(items: readonly EmuItem[]): void {
    this.#items = [...items];
    this.#draw();
  }

  add(...items: readonly EmuItem[]): void {
    this.set([...this.#items, ...items]);
  }

  #draw(): void {
    this.list.replaceChildren(...this.#items.map((item, i) => this.#row(item, i)));
  }

  #row(item: EmuItem, i: number): HTMLLIElement {
    const row = document.createElement('li');
    row.append(this.#face(item, i));
    row.append(this.#button('↑', 'Move up', () => this.#swap(i, i - 1)));
    row.append(this.#button('✕', 'Remove', () => this.set(this.#items.toSpliced(i, 1))));
    return row;
  }

  #face(item: EmuItem, i: number): HTMLElement {
    if (typeof item !== 'string') {
      const face = document.createElement('span');
      if ('role' in item) face.append(`${item.role}:`);
      const pictures: readonly unknown[] = 'video' in item && Array.isArray(item.video) ? item.video : [item];
      face.append(...pictures.filter(isRgbImage).map(canvasOf));
      return face;
    }
    const field = document.createElement('textarea');
    field.value = item;
    field.setAttribute('aria-label', 'Words');
    field.addEventListener('input', () => {
      this.#items[i] = field.value;
    });
    return field;
  }

  #button(sign: string, label: string, act: () => void): HTMLButtonElement {
    const button = document.createElement('button');
    button.textContent = sign;
    button.setAttribute('aria-label', label);
    button.addEventListener('click', act);
    return button;
  }

  #swap(i: number, j: number): void {
    if (j >= 0) this.set(this.#items.with(i, this.#items[j]).with(j, this.#items[i]));
  }
}
