import type { Value } from '@emu-ts/graph';
import { ones, type Param, type Params, param, zeros } from '@emu-ts/params';
import { groupNormOp } from './group-norm/op.js';
import { layerNormOp } from './layer-norm/op.js';
import { rmsNormOp } from './rms-norm/op.js';

/** weight and bias, each [dim] */
export type NormTree = { readonly weight: Param; readonly bias: Param };
/** weight [dim] */
export type RmsNormTree = { readonly weight: Param };

const affine = (dim: number): NormTree => ({ weight: param([dim], ones), bias: param([dim], zeros) });

export const layerNormParams = affine;
export const groupNormParams = affine;
export const rmsNormParams = (dim: number): RmsNormTree => ({ weight: param([dim], ones) });

/** Over the last axis of x [… dim]. */
export const layerNorm = (p: Params<NormTree>, x: Value, eps: number): Value =>
  layerNormOp({ x, weight: p.weight, bias: p.bias }, { eps }).y;

/** Over the last axis of x [… dim]. */
export const rmsNorm = (p: Params<RmsNormTree>, x: Value, eps: number): Value =>
  rmsNormOp({ x, weight: p.weight }, { eps }).y;

/** Over `groups` groups of channels of x [n channels h w]. */
export const groupNorm = (p: Params<NormTree>, x: Value, groups: number, eps: number): Value =>
  groupNormOp({ x, weight: p.weight, bias: p.bias }, { groups, eps }).y;
