import { type DType, EmuError } from '@emu-ts/base';
import {
  add,
  cast,
  concat,
  type Graph,
  graphOf,
  mul,
  slice,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { flatten, mapParams, type Params, type ParamTree } from '@emu-ts/params';
import { assign, type Treatment } from '../optimizer/groups.js';
import { matcher } from '../optimizer/pattern.js';
import { gradientsBySegments } from '../recompute/gradients.js';
import { names, variableName } from './names.js';
import { type Port, ports } from './ports.js';
import type { BatchTypes, Losses, StepOptions, TrainingStep } from './types.js';
import { update } from './update.js';

/**
 * Builds the step of a model from its objective. Throws when the optimiser's patterns name no parameter, or leave a
 * trained one without a group.
 */
export function trainingStep<T extends ParamTree>(options: StepOptions<T>): TrainingStep {
  const { params: tree, prefix = '', objective, optimizer, accumulate = 1, lossScaling = false } = options;
  const parameters = flatten(tree, prefix);
  const trained = assign([...parameters.keys()], optimizer);
  checkRows(parameters, trained);

  const kept = matcher(options.keepF32 ?? tables);
  /** What products are made of: weights of linear layers and convolutions. Vectors cost nothing in f32. */
  const narrowed = (name: string, { shape }: TensorType): boolean =>
    options.compute !== undefined && shape.length > 1 && name.endsWith('weight') && !kept(name);

  /** The objective on symbolic inputs, with the variable that stands for each trained parameter. */
  const forward = (batch: BatchTypes): Losses & Symbols => {
    const port = ports();
    const variables = new Map<string, Value>();
    const weights = mapParams(
      tree,
      (name, type) => {
        const { whole, variable } = parameter(port, name, type, trained.get(name));
        if (variable) variables.set(name, variable);
        return narrowed(name, type) ? cast(whole, options.compute as DType) : whole;
      },
      prefix,
    ) as Params<T>;
    const values = Object.fromEntries(Object.entries(batch).map(([name, type]) => [name, port(name, type)]));
    const losses = objective(weights, values);
    if (losses.loss.shape.length) {
      throw new EmuError('OBJECTIVE', `The objective's loss must be a scalar, got [${losses.loss.shape}].`);
    }
    return { ...losses, variables, values, port };
  };

  const differentiate = (batch: BatchTypes) => {
    const { loss, metrics, variables, values, port } = forward(batch);
    const scaled = lossScaling ? mul(loss, port(names.lossScale, scalar)) : loss;
    const pulled = gradientsBySegments(scaled, [...variables.values()], {
      segments: options.segments ?? 1,
      batch: Object.values(values),
    });
    const gradients = new Map<string, Value>();
    [...variables.keys()].forEach((name, i) => {
      if (pulled[i]) gradients.set(name, pulled[i]);
    });
    if (!gradients.size)
      throw new EmuError('OBJECTIVE', 'The loss depends on none of the trained parameters.');
    return { loss: cast(loss, 'f32'), metrics: { loss, ...metrics }, gradients, port };
  };

  const rules = { ...options, trained, lossScaling };
  return {
    parameters,
    trained,
    groups: optimizer.groups,
    accumulate,
    lossScaling,
    trace(batch) {
      const { loss, metrics, gradients, port } = differentiate(batch);
      return update({ gradients, loss, metrics: metricOutputs(metrics), port }, { ...rules, batches: 1 });
    },
    traceAccumulation(batch) {
      const { metrics, gradients, port } = differentiate(batch);
      const sums = [...gradients].map(
        ([name, value]) =>
          [names.accumulated(name), add(port(names.accumulated(name), value), value)] as const,
      );
      return {
        graph: graphOf({ ...metricOutputs(metrics), ...Object.fromEntries(sums) }),
        donate: Object.fromEntries(sums.map(([name]) => [name, name])),
      };
    },
    traceGradients(batch) {
      const { metrics, gradients } = differentiate(batch);
      const outputs = [...gradients].map(([name, value]) => [names.gradient(name), value] as const);
      return {
        graph: graphOf({ ...metricOutputs(metrics), ...Object.fromEntries(outputs) }),
        donate: {},
      };
    },
    traceUpdate(reached) {
      const port = ports();
      const gradients = new Map(
        reached.map((name) => [name, port(names.accumulated(name), variableType(name, parameters, trained))]),
      );
      const loss = port(names.loss, scalar);
      return update({ gradients, loss, metrics: {}, port }, { ...rules, batches: accumulate });
    },
    traceLosses(batch): Graph {
      const { loss, metrics } = forward(batch);
      return graphOf(metricOutputs({ loss, ...metrics }));
    },
  };
}

/** Read row by row, so that nothing is gained; and their gradients are added up in their own dtype. */
const tables = ['**.embed_tokens.weight', '**.relative_attention_bias.weight'];

/** The graph inputs that a forward pass was traced on. */
interface Symbols {
  readonly port: Port;
  /** The trained part of each trained parameter. */
  readonly variables: ReadonlyMap<string, Value>;
  readonly values: Readonly<Record<string, Value>>;
}

const scalar = tensorType('f32', []);

const metricOutputs = (metrics: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [names.metric(name), cast(value, 'f32')]),
  );

/** The input (or inputs) behind one weight, and the part of it that is trained. */
function parameter(
  port: Port,
  name: string,
  type: TensorType,
  treatment: Treatment | undefined,
): { whole: Value; variable?: Value } {
  const stored = port(name, type);
  if (!treatment) return { whole: stored };
  if (!treatment.firstRow) return { whole: stored, variable: stored };
  const variable = port(variableName(name, treatment), rowsType(type, treatment.firstRow));
  return { whole: concat([slice(stored, 0, 0, treatment.firstRow), variable], 0), variable };
}

const rowsType = ({ dtype, shape: [rows, ...rest] }: TensorType, firstRow: number): TensorType =>
  tensorType(dtype, [rows - firstRow, ...rest]);

function variableType(
  name: string,
  parameters: ReadonlyMap<string, TensorType>,
  trained: ReadonlyMap<string, Treatment>,
): TensorType {
  const [type, treatment] = [parameters.get(name), trained.get(name)];
  if (!type || !treatment) throw new EmuError('NOT_TRAINED', `'${name}' is not a trained parameter.`);
  return treatment.firstRow ? rowsType(type, treatment.firstRow) : type;
}

function checkRows(
  parameters: ReadonlyMap<string, TensorType>,
  trained: ReadonlyMap<string, Treatment>,
): void {
  for (const [name, { firstRow }] of trained) {
    const { shape } = parameters.get(name) as TensorType;
    if (Number.isInteger(firstRow) && firstRow >= 0 && (firstRow === 0 || firstRow < shape[0])) continue;
    throw new EmuError('ROWS', `Rows from ${firstRow} are to be trained, but '${name}' is [${shape}].`);
  }
}
