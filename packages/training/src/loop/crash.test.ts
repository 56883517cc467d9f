import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { checkpointsIn, freshDirs, outcome, timeless, toyRun } from '../../test/runs.js';
import { latestRun } from '../files/checkpoints.js';
import { warmupCosine } from '../optimizer/schedule.js';
import { train } from './train.js';

const freshDir = freshDirs();
const child = fileURLToPath(new URL('../../test/child.ts', import.meta.url));
const program = ['--conditions=@emu-ts/source', '--import', 'tsx', child];
const updates = 200;

/** Runs the child; `watch` sees its output and may kill it. */
function run(
  command: string,
  args: readonly string[],
  watch: (text: string, kill: () => void) => void = () => {},
): Promise<{ code: number | null; errors: string }> {
  return new Promise((resolve, reject) => {
    const running = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    running.stdout.on('data', (data) => watch(String(data), () => running.kill('SIGKILL')));
    running.stderr.on('data', (data) => {
      errors += data;
    });
    running.on('error', reject);
    running.on('close', (code) => resolve({ code, errors }));
  });
}

const options = () => ({ ...toyRun(), updates, schedule: warmupCosine({ steps: updates, warmup: 3 }) });

describe('a process that is killed', () => {
  it('loses nothing but the updates since its last checkpoint, whenever it happens', async () => {
    const dir = freshDir();
    const delays = random(Date.now()).uniform(4);
    for (const delay of delays) {
      let started = false;
      await run(process.execPath, [...program, dir, String(updates)], (_, kill) => {
        if (started) return;
        started = true;
        setTimeout(kill, delay * 300);
      });
      const saved = await latestRun(dir);
      if (saved) expect(checkpointsIn(dir).length).toBeLessThanOrEqual(3);
    }
    const wholeDir = freshDir();
    const whole = await outcome(await train({ ...options(), dir: wholeDir }));
    expect(await outcome(await train({ ...options(), dir, checkpointEvery: 50 }))).toEqual(whole);
    expect(await timeless(dir)).toEqual(await timeless(wholeDir));
    expect(readdirSync(path.join(dir, 'checkpoints')).every((name) => /^step-\d+$/.test(name))).toBe(true);
  });
});

describe('a disk that takes no more', () => {
  it('leaves the checkpoints that are there as they are, and says so', async () => {
    const dir = freshDir();
    mkdirSync(dir, { recursive: true });
    await outcome(await train({ ...options(), updates: 2, dir }));
    // A limit on file size fails in the middle of a write, as a full disk does: 1 KiB lets the metrics through and
    // stops the moments.
    const limited = `trap '' XFSZ; ulimit -f 2; exec "$0" "$@"`;
    const { code, errors } = await run('sh', ['-c', limited, process.execPath, ...program, dir, '5']);
    expect(code).not.toBe(0);
    expect(errors).toMatch(/What was there before is unchanged/);
    expect(checkpointsIn(dir)).toEqual(['step-00000002']);
    const resumed = await outcome(await train({ ...options(), updates: 5, dir }));
    expect(resumed).toEqual(await outcome(await train({ ...options(), updates: 5 })));
  });
});
