/** A pickler for tests: writes what `torch.save` writes, and what an attacker would. Protocols 1 to 4. */

export class Global {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
}

/** `callable(*args)` on load. */
export class Reduce {
  constructor(
    readonly callable: Value,
    readonly args: readonly Value[],
  ) {}
}

export class Persistent {
  constructor(readonly id: readonly Value[]) {}
}

/** `object.__setstate__(state)` on load. */
export class WithState {
  constructor(
    readonly object: Value,
    readonly state: Value,
  ) {}
}

export class List {
  constructor(readonly items: readonly Value[]) {}
}

/** Opcodes as they are. */
export class Raw {
  constructor(readonly bytes: Iterable<number>) {}
}

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Value[] // a tuple
  | List
  | Map<Value, Value>
  | Global
  | Reduce
  | Persistent
  | WithState
  | Raw;

export function pickle(value: Value, protocol = 2): Uint8Array {
  const out: number[] = [];
  const memo = new Map<Value, number>();
  const op = (char: string) => out.push(char.charCodeAt(0));
  const number = (size: 1 | 2 | 4 | 8, n: number | bigint) => {
    for (let i = 0n; i < size; i++) out.push(Number((BigInt(n) >> (8n * i)) & 255n));
  };
  const text = (s: string) => {
    for (const byte of new TextEncoder().encode(s)) out.push(byte);
  };

  /** Writes a value once, and refers to it after. */
  const shared = (v: Value, body: () => void) => {
    const known = memo.get(v);
    if (known !== undefined) {
      op('j');
      number(4, known);
      return;
    }
    body();
    memo.set(v, memo.size);
    if (protocol >= 4) op('\x94');
    else {
      op('r');
      number(4, memo.size - 1);
    }
  };
  const tuple = (items: readonly Value[]) => {
    op('(');
    for (const item of items) write(item);
    op('t');
  };

  function write(v: Value): void {
    if (v === null) op('N');
    else if (v instanceof Raw) for (const byte of v.bytes) out.push(byte);
    else if (typeof v === 'boolean') protocol >= 2 ? op(v ? '\x88' : '\x89') : text(v ? 'I01\n' : 'I00\n');
    else if (typeof v === 'bigint') {
      if (protocol < 2) text(`L${v}L\n`);
      else {
        op('\x8a');
        number(1, 12);
        for (let i = 0n; i < 12n; i++) out.push(Number((BigInt.asUintN(96, v) >> (8n * i)) & 255n));
      }
    } else if (typeof v === 'number') {
      if (!Number.isInteger(v)) {
        op('G');
        out.push(...new Uint8Array(new Float64Array([v]).buffer).reverse());
      } else if (v >= 0 && v < 256) {
        op('K');
        number(1, v);
      } else if (Math.abs(v) < 2 ** 31) {
        op('J');
        number(4, v);
      } else write(BigInt(v));
    } else if (typeof v === 'string') {
      shared(v, () => {
        op('X');
        number(4, new TextEncoder().encode(v).length);
        text(v);
      });
    } else if (v instanceof Global) {
      shared(v, () => {
        if (protocol >= 4) {
          write(v.module);
          write(v.name);
          op('\x93');
        } else text(`c${v.module}\n${v.name}\n`);
      });
    } else if (v instanceof Reduce) {
      shared(v, () => {
        write(v.callable);
        tuple(v.args);
        op('R');
      });
    } else if (v instanceof Persistent) {
      tuple(v.id);
      op('Q');
    } else if (v instanceof WithState) {
      write(v.object);
      write(v.state);
      op('b');
    } else if (v instanceof List) {
      op(']');
      op('(');
      for (const item of v.items) write(item);
      op('e');
    } else if (v instanceof Map) {
      op('}');
      op('(');
      for (const [key, item] of v) {
        write(key);
        write(item);
      }
      op('u');
    } else tuple(v);
  }

  if (protocol >= 2) {
    op('\x80');
    out.push(protocol);
  }
  write(value);
  op('.');
  return Uint8Array.from(out);
}
