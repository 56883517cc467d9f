import { interpreter } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { parsePlacement, placeable, placement } from './devices.js';
import { chooseExecutor } from './executors.js';

const everywhere = (device: string) => Object.fromEntries(placeable.map((component) => [component, device]));

describe('placement', () => {
  it.each([
    ['auto', everywhere('auto')],
    ['webgpu', everywhere('webgpu')],
    ['language-model=webgpu', { ...everywhere('auto'), 'language-model': 'webgpu' }],
    ['language-model=webgpu,onnx', { ...everywhere('onnx'), 'language-model': 'webgpu' }],
    [
      'onnx, image-decoder=webgpu , language-model=gpujs',
      { ...everywhere('onnx'), 'image-decoder': 'webgpu', 'language-model': 'gpujs' },
    ],
  ])('reads %s', (text, wanted) => {
    expect(placement(parsePlacement(text))).toEqual(wanted);
  });

  it('takes executors of the caller', () => {
    const own = interpreter();
    expect(placement({ default: 'onnx', 'language-model': own })).toEqual({
      ...everywhere('onnx'),
      'language-model': own,
    });
    expect(Object.values(placement(own))).toEqual(placeable.map(() => own));
  });

  it.each([
    ['abacus', "no device 'abacus'; there are auto, webgpu, onnx, gpujs, reference"],
    [
      'language=onnx',
      "no component 'language'; there are visual-encoder, causal-transformer, language-model",
    ],
    ['language-model=abacus', "no device 'abacus'"],
    ['onnx,webgpu', 'two devices for everything: onnx and webgpu'],
    ['language-model=onnx,language-model=webgpu', 'two devices for language-model: onnx and webgpu'],
    ['', "got '', wanted DEVICE or COMPONENT=DEVICE"],
    ['onnx,', "got '', wanted"],
    ['language-model=', "got 'language-model=', wanted"],
    ['a=b=c', "got 'a=b=c', wanted"],
  ])('refuses %s', (text, message) => {
    expect(() => parsePlacement(text)).toThrow(expect.objectContaining({ code: 'OPTION' }));
    expect(() => parsePlacement(text)).toThrow(message);
  });
});

describe('auto', () => {
  it('says why nothing faster was taken', async () => {
    const { name, executor, refused } = await chooseExecutor();
    await executor.dispose();
    const order = ['webgpu', 'onnx', 'gpujs'];
    expect(order.slice(0, order.indexOf(name))).toEqual(refused.map((reason) => reason.split(':')[0]));
    for (const reason of refused) expect(reason).toMatch(/^\w+: .+\.$/);
  });

  it('stops when it is aborted', async () => {
    await expect(chooseExecutor({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});
