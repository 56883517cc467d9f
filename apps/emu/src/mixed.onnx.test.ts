import { fixture } from '@emu-ts/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { Emu } from './index.js';
import { type DeviceOption, placeable } from './load/devices.js';

/** Whatever component stands on another device than the rest, words and pictures are the same. */
const checkpoint = fixture('goldens', 'checkpoint');
const picture = { image: fixture('goldens', 'images', '0.png') };

async function made(device: DeviceOption) {
  await using emu = await Emu.fromPretrained(checkpoint, { device, safetyChecker: false });
  const text = await emu.complete([picture, 'There is'], { beams: 2, maxNewTokens: 4 }).text();
  const [{ data }] = await emu.draw([picture], { steps: 1, height: 16, width: 16 }).images();
  return { text, data };
}

describe('a model on two devices', () => {
  let wanted: Awaited<ReturnType<typeof made>>;
  beforeAll(async () => {
    wanted = await made('onnx');
    expect(wanted.data.some((byte) => byte > 0)).toBe(true);
  });

  it.each(placeable.filter((name) => name !== 'image-decoder'))('%s elsewhere', async (component) => {
    const found = await made({ default: 'onnx', [component]: 'reference' });
    expect(found.text).toBe(wanted.text);
    const apart = found.data.map((byte, i) => Math.abs(byte - wanted.data[i]));
    expect(Math.max(...apart)).toBeLessThanOrEqual(1); // a level, where rounding falls on the other side
  });
});
