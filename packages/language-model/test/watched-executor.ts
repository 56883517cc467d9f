import { type AnyTensor, type DeviceTensor, type Executor, interpreter } from '@emu-ts/graph';

/** The interpreter, watched: what it compiled, which tensors are not disposed yet, and every call as it begins. */
export function watchedExecutor(onCall: (call: number) => void = () => {}) {
  const inner = interpreter();
  const alive = new Set<AnyTensor>();
  let [programs, calls] = [0, 0];
  const begin = () => onCall(++calls);

  const track = (t: DeviceTensor): DeviceTensor => {
    const { read, dispose } = { read: t.read.bind(t), dispose: t.dispose.bind(t) };
    alive.add(t);
    t.read = (options) => {
      begin();
      return read(options);
    };
    t.dispose = () => {
      alive.delete(t);
      dispose();
    };
    return t;
  };

  const executor: Executor = {
    ...inner,
    name: 'watched',
    async upload(t, options) {
      begin();
      options?.signal?.throwIfAborted();
      return track(await inner.upload(t, options));
    },
    async compile(graph, options = {}) {
      programs++;
      const program = await inner.compile(graph, options);
      return {
        inputs: program.inputs,
        outputs: program.outputs,
        async run(inputs, call) {
          begin();
          const outputs = await program.run(inputs, call);
          for (const name of Object.keys(options.donate ?? {})) alive.delete(inputs[name]);
          return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, track(t)]));
        },
        dispose: () => program.dispose(),
        [Symbol.asyncDispose]: () => program.dispose(),
      };
    },
  };
  return { executor, compiled: () => programs, held: () => alive.size, calls: () => calls };
}
