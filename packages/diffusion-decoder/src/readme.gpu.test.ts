import { describeGpu, readmeExamples } from '@emu-ts/testing';

describeGpu('documentation', () => readmeExamples(import.meta.url));
