import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { freshDirs } from '../../test/runs.js';
import { writeDirectoryAtomic, writeFileAtomic, writeFlushed } from './atomic.js';
import { crc32c, maskedCrc32c } from './crc32c.js';
import { renderCurves } from './curves.js';
import { MetricLog, readMetrics } from './metrics.js';
import { TensorBoardLog } from './tensorboard.js';

const freshDir = freshDirs();

describe('CRC-32C', () => {
  it('has the published check value', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    // RFC 3720, appendix B.4: 32 bytes of zeros, and of ones.
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  });
});

/** The events of a file, as a reader of the format sees them. */
function readEvents(file: string) {
  const bytes = new Uint8Array(readFileSync(file));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const events: Record<string, unknown>[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    expect(view.getUint32(at + 8, true)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 12 + length, true)).toBe(maskedCrc32c(data));
    events.push(readEvent(data));
    at += 16 + length;
  }
  return events;
}

function readEvent(data: Uint8Array): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) event.time = reader.double();
    else if (field === 2) event.step = Number(reader.int64());
    else if (field === 3) event.version = reader.string();
    else if (field === 5) event.scalars = readSummary(reader.bytes());
    else if (field === 7) event.restart = [...reader.bytes()];
    else expect.fail(`field ${field}`);
  }
  return event;
}

function readSummary(data: Uint8Array): Record<string, number> {
  const scalars: Record<string, number> = {};
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    expect(reader.tag()[0]).toBe(1);
    const value = new BinaryReader(reader.bytes());
    expect(value.tag()[0]).toBe(1);
    const tag = value.string();
    expect(value.tag()[0]).toBe(2);
    scalars[tag] = value.float();
  }
  return scalars;
}

describe('TensorBoard event files', () => {
  it('hold scalars by step, and say where a run was taken up again', async () => {
    const dir = freshDir();
    const log = await TensorBoardLog.open(dir, 0, 1000);
    await log.append({ time: 1001.5, step: 1, scalars: { loss: 0.5, 'rate.vision': 4e-5 } });
    await log.append({ time: 1002, step: 2 ** 33, scalars: { loss: -2 } });
    expect(readEvents(log.file)).toEqual([
      { time: 1000, step: 0, version: 'brain.Event:2' },
      { time: 1001.5, step: 1, scalars: { loss: 0.5, 'rate.vision': Math.fround(4e-5) } },
      { time: 1002, step: 2 ** 33, scalars: { loss: -2 } },
    ]);
    const resumed = await TensorBoardLog.open(dir, 7, 2000);
    // SessionLog { status: START }
    expect(readEvents(resumed.file)[1]).toEqual({ time: 2000, step: 8, restart: [8, 1] });
    expect(readdirSync(dir).every((name) => name.startsWith('events.out.tfevents.'))).toBe(true);
  });
});

describe('metrics.jsonl', () => {
  it('drops lines beyond the step a run goes on from, and a torn last line', async () => {
    const dir = freshDir();
    const file = path.join(dir, '..', `${path.basename(dir)}.jsonl`);
    const log = await MetricLog.open(file, 0);
    for (const step of [1, 2, 3]) await log.append({ step, time: step, loss: 1 / step });
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"step":4,"ti`);
    expect((await readMetrics(file)).map(({ step }) => step)).toEqual([1, 2, 3]);
    await MetricLog.open(file, 2);
    expect(readFileSync(file, 'utf8')).toBe('{"step":1,"time":1,"loss":1}\n{"step":2,"time":2,"loss":0.5}\n');
  });
});

describe('atomic writing', () => {
  it('leaves the old file, and nothing beside it, when writing fails', async () => {
    const dir = freshDir();
    await writeDirectoryAtomic(dir, (pending) => writeFlushed(path.join(pending, 'a'), 'whole'));
    const failing = writeDirectoryAtomic(`${dir}-2`, async (pending) => {
      await writeFlushed(path.join(pending, 'a'), 'half');
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    await expect(failing).rejects.toMatchObject({ code: 'SAVE' });
    await expect(failing).rejects.toThrow(
      /the disk is full\. What was there before is unchanged\. Make room and/,
    );
    expect(readdirSync(dir)).toEqual(['a']);
    await expect(writeFileAtomic(path.join(dir, 'a', 'b'), 'x')).rejects.toMatchObject({ code: 'SAVE' });
    expect(readFileSync(path.join(dir, 'a'), 'utf8')).toBe('whole');
    expect(readdirSync(path.dirname(dir)).filter((name) => name.startsWith('.pending-'))).toEqual([]);
  });
});

describe('curves', () => {
  it('draws a panel for each metric, with few points and escaped names', () => {
    const records = Array.from({ length: 5000 }, (_, i) => ({
      step: i + 1,
      time: i,
      loss: 10 * 0.998 ** i,
      'a<b': Math.sin(i),
      'rate.x': 1,
      ...(i % 100 ? {} : { 'validation.loss': 2 }),
    }));
    const svg = renderCurves(records, { title: 'Stage 1 & 2' });
    expect(svg).toContain('Stage 1 &#38; 2');
    expect(svg).toContain('loss (log)');
    expect(svg).toContain('a&#60;b');
    expect(svg).not.toContain('rate.x');
    expect(svg).not.toContain('NaN');
    expect(svg.length).toBeLessThan(60_000);
    expect([...svg.matchAll(/<path /g)]).toHaveLength(6);
    expect(renderCurves([])).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
  });
});
