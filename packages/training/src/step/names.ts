import type { Treatment } from '../optimizer/groups.js';

/** The inputs of a step graph beside parameters (checkpoint names) and the batch. None of these is a checkpoint name. */
export const names = {
  /** Updates counted from 1, f32. */
  step: 'optimizer.step',
  /** The mean loss of the batches that an update follows, f32. */
  loss: 'optimizer.loss',
  lossScale: 'optimizer.loss_scale',
  rate: (group: string) => `optimizer.rate.${group}`,
  m: (parameter: string) => `optimizer.m.${parameter}`,
  v: (parameter: string) => `optimizer.v.${parameter}`,
  gradient: (parameter: string) => `optimizer.gradient.${parameter}`,
  accumulated: (parameter: string) => `optimizer.accumulated.${parameter}`,
  /** The trained rows of a table whose other rows are kept. */
  rows: (parameter: string) => `optimizer.rows.${parameter}`,
  ema: (parameter: string) => `ema.${parameter}`,
  metric: (metric: string) => `metric.${metric}`,
} as const;

/** Metrics that every step gives, f32 scalars; an objective adds its own. */
export const stepMetrics = ['loss', 'gradient_norm', 'applied'] as const;

/** The input that holds the trained part of a parameter. */
export const variableName = (parameter: string, { firstRow }: Treatment): string =>
  firstRow ? names.rows(parameter) : parameter;
