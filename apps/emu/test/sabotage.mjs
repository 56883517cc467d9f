import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Loaded before a program that a test kills: ends it, as `kill -9` would, in the middle of one call of the file system.
 * A file that it opens has a few bytes in it by then.
 */
const { call, path, nth } = JSON.parse(process.env.EMU_KILL_AT);
const wanted = new RegExp(path);
const original = promises[call];
let seen = 0;

promises[call] = async (place, ...rest) => {
  if (!wanted.test(String(place)) || ++seen < nth) return original(place, ...rest);
  if (call === 'open') await (await original(place, ...rest)).write('torn');
  process.kill(process.pid, 'SIGKILL');
};
syncBuiltinESMExports();
