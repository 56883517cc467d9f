import { badArgument } from '../error.js';
import type { FilterName } from '../resize/filters.js';
import type { Triple } from './normalise.js';

/** What the CLIP feature extractor does, in this order; a step that is undefined is left out. */
export interface ClipConfig {
  /** The shortest side becomes this long, or both sides are given. */
  readonly resize:
    | { readonly shortestEdge: number }
    | { readonly width: number; readonly height: number }
    | undefined;
  readonly filter: FilterName;
  readonly crop: { readonly width: number; readonly height: number } | undefined;
  /** Factor on the sample, 1/255 as a rule. */
  readonly rescale: number | undefined;
  readonly normalise: { readonly mean: Triple; readonly std: Triple } | undefined;
}

/** PIL's filter numbers; 0 (nearest) is not an antialiased filter and not offered. */
const FILTERS: Readonly<Record<number, FilterName>> = {
  1: 'lanczos',
  2: 'bilinear',
  3: 'bicubic',
  4: 'box',
  5: 'hamming',
};

type Json = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null;

const wrong = (field: string, value: unknown, wanted: string) =>
  badArgument(`preprocessor_config.json has ${field} = ${JSON.stringify(value)}, wanted ${wanted}.`);

function whole(field: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw wrong(field, value, 'a whole, positive number');
}

function triple(field: string, value: unknown): Triple {
  if (Array.isArray(value) && value.length === 3 && value.every((x) => typeof x === 'number')) {
    return value as unknown as Triple;
  }
  throw wrong(field, value, 'three numbers');
}

/** Older files give one number where newer ones give an object. */
function resizeOf(value: unknown): ClipConfig['resize'] {
  if (!isRecord(value)) return { shortestEdge: whole('size', value) };
  if ('shortest_edge' in value) return { shortestEdge: whole('size.shortest_edge', value.shortest_edge) };
  return { width: whole('size.width', value.width), height: whole('size.height', value.height) };
}

function cropOf(value: unknown): ClipConfig['crop'] {
  if (isRecord(value)) {
    return { width: whole('crop_size.width', value.width), height: whole('crop_size.height', value.height) };
  }
  const side = whole('crop_size', value);
  return { width: side, height: side };
}

/**
 * Reads the object of a `preprocessor_config.json`, in its old (`"size": 224`) or new form; what it leaves out is the
 * CLIP default. Throws `BAD_ARGUMENT` naming the field.
 */
export function parseClipConfig(json: unknown): ClipConfig {
  if (!isRecord(json))
    throw badArgument(`preprocessor_config.json holds ${JSON.stringify(json)}, wanted an object.`);
  const resample = json.resample ?? 3;
  const filter = FILTERS[resample as number];
  if (!filter)
    throw wrong('resample', resample, '1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)');
  const rescale = json.rescale_factor ?? 1 / 255;
  if (typeof rescale !== 'number') throw wrong('rescale_factor', rescale, 'a number');
  const step = <T>(flag: string, value: () => T): T | undefined =>
    json[flag] === false ? undefined : value();
  return {
    resize: step('do_resize', () => resizeOf(json.size ?? 224)),
    filter,
    crop: step('do_center_crop', () => cropOf(json.crop_size ?? 224)),
    rescale: step('do_rescale', () => rescale),
    normalise: step('do_normalize', () => ({
      mean: triple('image_mean', json.image_mean ?? [0.48145466, 0.4578275, 0.40821073]),
      std: triple('image_std', json.image_std ?? [0.26862954, 0.26130258, 0.27577711]),
    })),
  };
}
