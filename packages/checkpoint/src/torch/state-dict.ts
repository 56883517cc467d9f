/**
 * From the object a PyTorch file holds to named tensors. Wrappers that trainers put around a state dictionary
 * (`module` of DeepSpeed, `state_dict` of Lightning, `model`) are taken off, dictionaries of tensors inside are
 * flattened with dots, everything else becomes metadata, or a note when it cannot.
 */
import type { CheckpointNote } from '../checkpoint.js';
import { CheckpointError, corrupt, quote } from '../error.js';
import { type Budget, MAX_DEPTH } from '../limits.js';
import { GlobalRef, PickleDict, PickleSet, type PickleValue, StorageRef, TensorRef } from './values.js';

const WRAPPERS = ['module', 'state_dict', 'model', 'model_state_dict'] as const;

/** Metadata longer than this as JSON is no description of a model. */
const MAX_METADATA_CHARS = 65_536;

/** What lies below a value: no tensor, only tensors (a flattenable dictionary), or both. */
type Content = 'plain' | 'tensors' | 'mixed';

export interface StateDict {
  readonly tensors: ReadonlyMap<string, TensorRef>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly notes: readonly CheckpointNote[];
}

/** @param budget what is left of the memory allowed for building `root`. */
export function stateDict(root: PickleValue, budget: Budget): StateDict {
  if (!(root instanceof PickleDict)) {
    const got = root instanceof TensorRef ? 'a single tensor' : 'a value of another kind';
    throw new CheckpointError(
      'UNKNOWN_FORMAT',
      `The file holds ${got}, wanted a dictionary of named tensors.`,
    );
  }
  const collected = new Collector(budget);
  let dict = root;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const wrapper = collected.wrapper(dict);
    if (!wrapper) break;
    const [name, inner] = wrapper;
    collected.notes.push({
      kind: 'unwrapped',
      name,
      detail: `the tensors are those under the key ${quote(name)}`,
    });
    for (const [key, value] of dict.entries) if (key !== name) collected.leftOver(keyText(key), value);
    dict = inner;
  }
  collected.dictionary(dict, '', 0);
  return collected;
}

class Collector implements StateDict {
  readonly tensors = new Map<string, TensorRef>();
  readonly metadata = new Map<string, string>();
  readonly notes: CheckpointNote[] = [];
  private readonly contents = new Map<PickleValue, Content>();

  constructor(private readonly budget: Budget) {}

  /** The wrapper key of a dictionary that has no tensor of its own, and what it wraps. */
  wrapper(dict: PickleDict): readonly [string, PickleDict] | undefined {
    for (const value of dict.entries.values()) if (value instanceof TensorRef) return undefined;
    for (const key of WRAPPERS) {
      const inner = dict.entries.get(key);
      if (inner instanceof PickleDict && inner !== dict && this.content(inner, 0) !== 'plain')
        return [key, inner];
    }
    return undefined;
  }

  dictionary(dict: PickleDict, prefix: string, depth: number): void {
    if (depth > MAX_DEPTH)
      throw corrupt(`Dictionaries of the pickle are nested more than ${MAX_DEPTH} deep.`);
    if (dict.attributes !== null && depth === 0) {
      const detail = 'attributes of the dictionary (module version numbers), not needed to read tensors';
      this.notes.push({ kind: 'ignored', name: '_metadata', detail });
    }
    for (const [key, value] of dict.entries) {
      const name = prefix + keyText(key);
      this.budget.spend(200 + 2 * name.length);
      if (value instanceof TensorRef) {
        if (this.tensors.has(name))
          throw new CheckpointError('NAME_CLASH', `Two tensors are named ${quote(name)}.`);
        this.tensors.set(name, value);
      } else if (value instanceof PickleDict && this.content(value, depth) === 'tensors') {
        this.dictionary(value, `${name}.`, depth + 1);
      } else this.leftOver(name, value);
    }
  }

  /** A value beside the tensors: kept as metadata, or noted as ignored. */
  leftOver(name: string, value: PickleValue): void {
    if (this.content(value, 0) !== 'plain') {
      const detail = 'holds tensors, but not as a part of the state dictionary that has a name for each';
      this.notes.push({ kind: 'ignored', name, detail });
      return;
    }
    const text = describe(value);
    if (text === undefined)
      this.notes.push({ kind: 'ignored', name, detail: 'too large to keep as metadata' });
    else {
      this.budget.spend(200 + 2 * (name.length + text.length));
      this.metadata.set(name, text);
    }
  }

  /** Each shared value is looked at once; a value inside itself counts as plain. */
  private content(value: PickleValue, depth: number): Content {
    if (value instanceof TensorRef) return 'tensors';
    const children = childrenOf(value);
    if (!children) return 'plain';
    if (depth > MAX_DEPTH) throw corrupt(`Values of the pickle are nested more than ${MAX_DEPTH} deep.`);
    const known = this.contents.get(value);
    if (known) return known;
    this.budget.spend(64);
    this.contents.set(value, 'plain');
    let tensors = 0;
    let others = 0;
    for (const child of children) {
      const below = this.content(child, depth + 1);
      if (below !== 'plain') tensors++;
      if (below !== 'tensors') others++;
    }
    const named = value instanceof PickleDict && others === 0;
    const content = tensors === 0 ? 'plain' : named ? 'tensors' : 'mixed';
    this.contents.set(value, content);
    return content;
  }
}

function childrenOf(value: PickleValue): Iterable<PickleValue> | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof PickleSet) return value.items;
  return value instanceof PickleDict ? value.entries.values() : undefined;
}

function keyText(key: PickleValue): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw corrupt('A dictionary of the pickle has a key that is neither text nor a number.');
}

/** A plain value as text (JSON but for strings alone), or undefined when it is too long or refers to itself. */
function describe(value: PickleValue): string | undefined {
  if (typeof value === 'string') return value.length <= MAX_METADATA_CHARS ? value : undefined;
  let left = MAX_METADATA_CHARS;
  const plain = (part: PickleValue, depth: number): unknown => {
    left -= typeof part === 'string' ? part.length + 3 : 3;
    if (left < 0 || depth > MAX_DEPTH) throw new TooLong();
    if (typeof part === 'bigint') return String(part);
    if (part instanceof Uint8Array) return `${part.length} bytes`;
    if (part instanceof GlobalRef) return part.path;
    if (part instanceof StorageRef || part instanceof TensorRef) return 'tensor';
    if (part instanceof PickleDict) {
      if (part.entries.size > left) throw new TooLong();
      return Object.fromEntries(
        [...part.entries].map(([k, v]) => [plain(keyText(k), depth), plain(v, depth + 1)]),
      );
    }
    const children = childrenOf(part);
    return children ? Array.from(children, (child) => plain(child, depth + 1)) : part;
  };
  try {
    return JSON.stringify(plain(value, 0));
  } catch (error) {
    if (error instanceof TooLong) return undefined;
    throw error;
  }
}

class TooLong extends Error {}
