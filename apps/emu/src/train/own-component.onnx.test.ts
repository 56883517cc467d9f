import { it } from 'vitest';
import { blocks, readGuide, runBlock } from '../../test/guide.js';

it('writes, checks, trains and uses the component of the guide, as it stands there', async () => {
  await runBlock(blocks(await readGuide('own-component'), 'ts').join('\n'));
}, 900_000);
