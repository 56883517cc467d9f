/** What a pickle may hold here: plain data, and records that say what a tensor is. Nothing in it can be called. */
import type { DType } from '@emu-ts/base';

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | PickleSet
  | GlobalRef
  | StorageRef
  | TensorRef;

/** A dict or OrderedDict, with the attributes that Python keeps on some (`_metadata`). */
export class PickleDict {
  readonly entries = new Map<PickleValue, PickleValue>();
  attributes: PickleValue = null;
}

export class PickleSet {
  readonly items: PickleValue[] = [];
}

/** A name on the allow-list, and what it means to the unpickler. */
export class GlobalRef {
  constructor(
    readonly path: string,
    readonly meaning: GlobalMeaning,
  ) {}
}

export interface GlobalMeaning {
  /** Builds an inert value from the arguments a pickle gives. */
  readonly build?: ((args: readonly PickleValue[]) => PickleValue) | undefined;
  /** Element type, of a storage class or a dtype object; undefined when this package has no such type. */
  readonly dtype?: DType | undefined;
  readonly kind?: 'storage' | 'dtype' | undefined;
}

/** A run of bytes in the file, shared by the tensors that view it. */
export class StorageRef {
  constructor(
    readonly key: string,
    readonly dtype: DType,
    /** Elements in the whole stored run. */
    readonly length: number,
    /** Elements of the run before the part that this reference sees (legacy storage views). */
    readonly offset: number,
    /** Elements this reference sees. */
    readonly visible: number,
  ) {}
}

/** A strided view of a storage; offset and strides in elements of `dtype`. */
export class TensorRef {
  constructor(
    readonly storage: StorageRef,
    readonly dtype: DType,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}
