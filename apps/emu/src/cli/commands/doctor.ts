import type { Tier } from '@emu-ts/webgpu';
import type { Command } from 'commander';
import { type DeviceName, parsePlacement, placeable, placement } from '../../load/devices.js';
import { chooseExecutor, createExecutor } from '../../load/executors.js';
import { fastTiers, type Precision, precisionOf, roundings } from '../../load/precision.js';
import { because, type Finding, findings } from '../findings.js';
import { deviceHelp, precisionHelp } from '../options.js';
import { print } from '../print.js';

/** A device that was asked for, what it turned out to be, and why nothing faster. */
interface Answer {
  readonly device: DeviceName;
  readonly runs?: string | undefined;
  readonly reasons: readonly string[];
  /** What was asked to be fast takes of the device. */
  readonly fast?: readonly Tier[] | undefined;
}

interface DoctorOptions {
  readonly device: string;
  readonly precision: string;
  readonly json?: boolean;
}

/** Says what this machine can run, what would run where, and why not what it cannot. */
export function doctorCommand(emu: Command): void {
  emu
    .command('doctor')
    .description('say what this machine can run, what would run where, and why not what it cannot')
    .option('--device <where>', deviceHelp, 'auto')
    .option('--precision <name>', precisionHelp, 'exact')
    .option('--json', 'print JSON')
    .action(async ({ device, json, ...options }: DoctorOptions) => {
      const precision = precisionOf(options.precision);
      const wanted = placement(parsePlacement(device)) as Readonly<Record<string, DeviceName>>;
      const machine = await findings();
      const answers = new Map<DeviceName, Answer>();
      for (const name of new Set(Object.values(wanted))) answers.set(name, await ask(name, precision));
      const runs = (component: string) => answers.get(wanted[component])?.runs;
      if (json)
        return print({
          findings: machine,
          placement: Object.fromEntries(placeable.map((name) => [name, runs(name) ?? null])),
          devices: [...answers.values()],
        });
      const lines = [
        ...machine.flatMap(described),
        '',
        `--device ${device} --precision ${precision} runs`,
        ...placeable.map((name) => `  ${name.padEnd(20)} on ${runs(name) ?? 'nothing'}`),
        ...[...answers.values()].flatMap(({ reasons }) => reasons.map((reason) => `  not on ${reason}`)),
        ...[...answers.values()].flatMap(rounded),
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

const described = ({ name, ok, detail, tiers = [] }: Finding): string[] => [
  `${ok ? '✓' : '✗'} ${name.padEnd(14)} ${detail}`,
  ...tiers.map((tier) => `    ${tier.taken ? '✓' : '✗'} ${tier.name.padEnd(16)} ${tier.reason}`),
];

const rounded = ({ runs, fast }: Answer): string[] => {
  if (!fast || !runs) return [];
  if (fast.length === 0) return [`  ${runs} rounds nothing: it knows no fast products`];
  return fast.map(({ name, taken, reason }) => `  ${taken ? '✓' : '✗'} ${roundings[name]}: ${reason}`);
};

async function ask(device: DeviceName, precision: Precision): Promise<Answer> {
  try {
    const { name, executor, refused } =
      device === 'auto'
        ? await chooseExecutor({ precision })
        : { name: device, executor: await createExecutor(device, { precision }), refused: [] };
    const fast = precision === 'fast' ? fastTiers(executor) : undefined;
    await executor.dispose();
    return { device, runs: name, reasons: refused, fast };
  } catch (error) {
    return { device, reasons: [`${device}: ${because(error)}`] };
  }
}
