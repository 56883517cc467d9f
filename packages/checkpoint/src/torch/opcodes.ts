/** One function per pickle opcode, by its byte. What is absent from the table is refused. */
import { CheckpointError, corrupt } from '../error.js';
import type { Machine } from './unpickle.js';
import { PickleDict, PickleSet, type PickleValue } from './values.js';

type Step = (m: Machine) => void;

/** Integers longer than this are no sizes, and parsing them takes more than linear time. */
const MAX_INTEGER_BYTES = 64;

const refused =
  (name: string): Step =>
  () => {
    throw new CheckpointError(
      'UNSAFE_PICKLE',
      `The pickle uses the opcode ${name}, which builds objects of arbitrary classes. Nothing was executed.`,
    );
  };

const constants: Readonly<Record<string, Step>> = {
  N: (m) => m.push(null), // NONE
  '\x88': (m) => m.push(true, 8), // NEWTRUE
  '\x89': (m) => m.push(false, 8), // NEWFALSE
  ')': (m) => m.push([]), // EMPTY_TUPLE
  ']': (m) => m.push([]), // EMPTY_LIST
  '}': (m) => m.push(new PickleDict(), 256), // EMPTY_DICT
  '\x8f': (m) => m.push(new PickleSet()), // EMPTY_SET
};

const numbers: Readonly<Record<string, Step>> = {
  K: (m) => m.push(m.cursor.u8(), 8), // BININT1
  M: (m) => m.push(m.cursor.u16(), 8), // BININT2
  J: (m) => m.push(m.cursor.i32(), 8), // BININT
  G: (m) => m.push(m.cursor.f64(), 16), // BINFLOAT
  '\x8a': (m) => m.push(integer(m.cursor.take(bounded(m.cursor.u8())))), // LONG1
  '\x8b': (m) => m.push(integer(m.cursor.take(bounded(m.cursor.u32())))), // LONG4
  I: (m) => m.push(decimal(m.cursor.textLine())), // INT, and the booleans of protocol 0
  L: (m) => m.push(decimal(m.cursor.textLine().replace(/L$/, ''))), // LONG
  F: (m) => m.push(float(m.cursor.textLine())), // FLOAT
};

const strings: Readonly<Record<string, Step>> = {
  X: (m) => m.text(m.cursor.u32()), // BINUNICODE
  '\x8c': (m) => m.text(m.cursor.u8()), // SHORT_BINUNICODE
  '\x8d': (m) => m.text(m.cursor.u64()), // BINUNICODE8
  T: (m) => m.text(m.cursor.u32()), // BINSTRING, a str of Python 2
  U: (m) => m.text(m.cursor.u8()), // SHORT_BINSTRING
  V: (m) => rawUnicode(m), // UNICODE
  S: (m) => quoted(m), // STRING
  B: (m) => m.bytes(m.cursor.u32()), // BINBYTES
  C: (m) => m.bytes(m.cursor.u8()), // SHORT_BINBYTES
  '\x8e': (m) => m.bytes(m.cursor.u64()), // BINBYTES8
  '\x96': (m) => m.bytes(m.cursor.u64()), // BYTEARRAY8
};

const containers: Readonly<Record<string, Step>> = {
  '(': (m) => m.mark(), // MARK
  t: (m) => m.push(m.popMark(), 8), // TUPLE
  l: (m) => m.push(m.popMark(), 8), // LIST
  '\x85': (m) => m.push([m.pop()]), // TUPLE1
  '\x86': (m) => m.push([m.pop(), m.pop()].reverse()), // TUPLE2
  '\x87': (m) => m.push([m.pop(), m.pop(), m.pop()].reverse()), // TUPLE3
  '\x91': (m) => fill(m, m.popMark(), new PickleSet()), // FROZENSET
  d: (m) => fill(m, m.popMark(), new PickleDict()), // DICT
  a: (m) => extend(m, [m.pop()]), // APPEND
  e: (m) => extend(m, m.popMark()), // APPENDS
  s: (m) => extend(m, [m.pop(), m.pop()].reverse()), // SETITEM
  u: (m) => extend(m, m.popMark()), // SETITEMS
  '\x90': (m) => extend(m, m.popMark()), // ADDITEMS
};

const memory: Readonly<Record<string, Step>> = {
  '0': (m) => m.drop(), // POP
  '1': (m) => void m.popMark(), // POP_MARK
  '2': (m) => m.push(m.top(), 8), // DUP
  p: (m) => m.put(index(m.cursor.textLine())), // PUT
  q: (m) => m.put(m.cursor.u8()), // BINPUT
  r: (m) => m.put(m.cursor.u32()), // LONG_BINPUT
  '\x94': (m) => m.put(m.memo.size), // MEMOIZE
  g: (m) => m.get(index(m.cursor.textLine())), // GET
  h: (m) => m.get(m.cursor.u8()), // BINGET
  j: (m) => m.get(m.cursor.u32()), // LONG_BINGET
};

const objects: Readonly<Record<string, Step>> = {
  c: (m) => m.global(m.cursor.textLine(), m.cursor.textLine()), // GLOBAL
  '\x93': (m) => stackGlobal(m), // STACK_GLOBAL
  Q: (m) => m.persistent(), // BINPERSID
  R: (m) => m.build(), // REDUCE
  '\x81': (m) => m.build(), // NEWOBJ
  b: (m) => setState(m), // BUILD
  i: refused('INST'),
  o: refused('OBJ'),
  '\x92': refused('NEWOBJ_EX'),
  '\x82': refused('EXT1'),
  '\x83': refused('EXT2'),
  '\x84': refused('EXT4'),
  P: refused('PERSID'),
  '\x97': refused('NEXT_BUFFER'),
  '\x98': refused('READONLY_BUFFER'),
};

const control: Readonly<Record<string, Step>> = {
  '.': (m) => {
    m.done = true; // STOP
  },
  '\x95': (m) => void m.cursor.u64(), // FRAME: a hint for buffering
  '\x80': (m) => {
    const version = m.cursor.u8(); // PROTO
    if (version > 5) throw corrupt(`The pickle says protocol ${version}; 0 to 5 exist.`);
  },
};

export const opcodes: readonly (Step | undefined)[] = (() => {
  const table = new Array<Step | undefined>(256);
  for (const group of [constants, numbers, strings, containers, memory, objects, control]) {
    for (const [char, step] of Object.entries(group)) table[char.charCodeAt(0)] = step;
  }
  return table;
})();

function bounded(length: number): number {
  if (length > MAX_INTEGER_BYTES) throw corrupt(`The pickle holds an integer of ${length} bytes.`);
  return length;
}

const narrow = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** Little-endian two's complement of any length. */
function integer(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return narrow(BigInt.asIntN(Math.max(1, bytes.length) * 8, value));
}

function decimal(text: string): number | bigint | boolean {
  if (text === '00' || text === '01') return text === '01';
  if (text.length > MAX_INTEGER_BYTES || !/^[-+]?\d+$/.test(text))
    throw corrupt('The pickle holds a malformed integer.');
  return narrow(BigInt(text.replace(/^\+/, '')));
}

function index(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw corrupt('The pickle holds a malformed memo index.');
  return Number(text);
}

function float(text: string): number {
  const named = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }[text];
  if (named !== undefined) return named;
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw corrupt('The pickle holds a malformed float.');
  return value;
}

/** Text of protocol 0: Latin-1 with \u and \U escapes. */
function rawUnicode(m: Machine): void {
  const line = m.cursor.line();
  let text = '';
  for (let i = 0; i < line.length; i += 4096) text += String.fromCharCode(...line.subarray(i, i + 4096));
  const unescaped = text.replace(/\\u([0-9a-fA-F]{4})|\\U00([0-9a-fA-F]{6})/g, (_, short, long) => {
    const code = Number.parseInt(short ?? long, 16);
    if (code > 0x10ffff) throw corrupt('The pickle holds a character beyond Unicode.');
    return String.fromCodePoint(code);
  });
  m.push(unescaped, 64 + 4 * line.length);
}

/** A Python 2 str in quotes; escapes never occur in names. */
function quoted(m: Machine): void {
  const text = m.cursor.textLine();
  const inner = /^'([^'\\]*)'$|^"([^"\\]*)"$/.exec(text);
  if (!inner) throw corrupt('The pickle holds a malformed quoted string.');
  m.push(inner[1] ?? inner[2], 64 + 2 * text.length);
}

function stackGlobal(m: Machine): void {
  const name = m.pop();
  const module = m.pop();
  if (typeof name !== 'string' || typeof module !== 'string')
    throw corrupt('A global of the pickle has no name.');
  m.global(module, name);
}

/** Makes a container and puts the items in. */
function fill(m: Machine, items: readonly PickleValue[], container: PickleDict | PickleSet): void {
  m.push(container, 256);
  extend(m, items);
}

/** Adds to the container on top of the stack: items to a list or set, keys and values in turn to a dict. */
function extend(m: Machine, items: readonly PickleValue[]): void {
  const target = m.top();
  if (Array.isArray(target)) for (const item of items) target.push(item);
  else if (target instanceof PickleSet) for (const item of items) target.items.push(item);
  else if (target instanceof PickleDict && items.length % 2 === 0) {
    for (let i = 0; i < items.length; i += 2) target.entries.set(items[i], items[i + 1]);
  } else throw corrupt('The pickle adds items to a value that takes none.');
}

/** BUILD gives an object its attributes: dictionaries keep theirs, nothing else has any. */
function setState(m: Machine): void {
  const state = m.pop();
  const target = m.top();
  if (!(target instanceof PickleDict)) {
    throw new CheckpointError(
      'UNSAFE_PICKLE',
      'The pickle sets the state of an object that is not a dictionary.',
    );
  }
  target.attributes = state;
}
