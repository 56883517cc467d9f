import { readmeExamples } from '@emu-ts/testing';

readmeExamples(import.meta.url);
