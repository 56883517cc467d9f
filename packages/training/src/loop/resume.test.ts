import { interpreter } from '@emu-ts/graph';
import { describeResume } from '../testing/resume.js';

describeResume('reference', async () => interpreter());
