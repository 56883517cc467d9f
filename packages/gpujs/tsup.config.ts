import { preset } from '../../tsup.preset';

export default preset({
  entry: {
    index: 'src/index.ts',
    worker: 'src/worker/index.ts',
    'node-worker': 'src/worker/node-worker.ts',
  },
});
