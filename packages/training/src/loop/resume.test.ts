import { interpreter } from '@emu-ts/graph';
import { describeResume } from '../../test/resume.js';

describeResume('reference', async () => interpreter());
