import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `npm start`, `npm test` and their kin share: a machine with Node alone becomes one with everything. */
export const root = fileURLToPath(new URL('../../', import.meta.url));
export const bin = (name) =>
  path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`emu-ts needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

/** Runs a command with this terminal. Returns its exit code; with `must`, ends the process when it is not 0. */
export function run(command, args, { must = true, env = {} } = {}) {
  const shell = process.platform === 'win32';
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', ...env },
  });
  if (error) console.error(`${command}: ${error.message}`);
  const code = status ?? (signal ? 130 : 1);
  if (must && code !== 0) process.exit(code);
  return code;
}

/** Installs exactly what the lock file says, unless that is what was installed last. */
export function install() {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const installed = path.join(root, 'node_modules', '.installed-lock');
  const isThere = () => existsSync(installed) && readFileSync(installed, 'utf8') === lock;
  if (isThere()) return;
  alone(() => {
    if (isThere()) return;
    console.log('Installing (npm ci) …');
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    writeFileSync(installed, lock);
  });
}

/** Builds everything, or one package and what it depends on. */
export function build(name) {
  const filter = name ? [`--filter=${name}...`] : [];
  alone(() =>
    run(bin('turbo'), ['run', 'build', '--output-logs=errors-only', '--log-order=grouped', ...filter]),
  );
}

/** One process at a time sets this folder up: two would take files from under each other. */
function alone(action) {
  const place = path.join(root, '.setting-up');
  for (let told = false; !took(place); told = true) {
    if (!told) console.log(`Waiting for another process that sets this folder up (${place} is its mark) …`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  process.once('exit', letGo);
  try {
    return action();
  } finally {
    process.off('exit', letGo);
    letGo();
  }

  function letGo() {
    rmSync(place, { force: true });
  }
}

/** Whether the mark is this process's now. That of a process which is no more is taken away first. */
function took(place) {
  try {
    writeFileSync(place, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    const holder = Number(readFileSync(place, 'utf8'));
    // In containers numbers come back soon: the mark may be of an earlier process that had this one's.
    if (holder === process.pid) rmSync(place, { force: true });
    else if (holder) process.kill(holder, 0);
  } catch (error) {
    if (error.code === 'ESRCH') rmSync(place, { force: true });
    else if (error.code !== 'ENOENT' && error.code !== 'EPERM') throw error;
  }
  return false;
}
