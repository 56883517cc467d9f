import { expect, it } from 'vitest';
import { sessionSettings } from './ort.js';

it('lets threads wait without spinning, unless the caller says otherwise', () => {
  const spinning = (settings: ReturnType<typeof sessionSettings>) =>
    (settings.extra as { session: { intra_op: Record<string, unknown> } }).session.intra_op.allow_spinning;
  expect(spinning(sessionSettings({}))).toBe('0');

  const extra = { session: { use_env_allocators: '1', intra_op: { thread_affinities: '1;2' } } };
  const settings = sessionSettings({ intraOpNumThreads: 3, extra });
  expect(spinning(settings)).toBe('0');
  expect(settings).toMatchObject({ intraOpNumThreads: 3, extra });

  const asked = { session: { intra_op: { allow_spinning: '1' } } };
  expect(sessionSettings({ extra: asked }).extra).toEqual(asked);
  const flat = { 'session.intra_op.allow_spinning': '1' };
  expect(sessionSettings({ extra: flat }).extra).toEqual(flat);
});
