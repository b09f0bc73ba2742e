import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as compare from './compare';
import * as election from './election';
import * as events from './events';
import * as felt from './felt';
import * as imaging from './imaging';
import * as report from './report';
import * as requests from './requests';
import * as runs from './runs';
import * as stressMemory from './stress-memory';

/** The cover of the reference measurement has 612 × 405 pixels; this one is made from the default cover. */
const COVER = path.join('test', 'bench', 'cover-612x405.jpg');
const SECRET_BYTES = 36_734;

export { attack } from './hostile/hostile';

/** Runs the requested parts, by default all; `--old FILE` runs most of them on an older build, too. */
export async function main(program: string, words: readonly string[]): Promise<void> {
  const { values, positionals: wanted } = parseArgs({
    args: [...words],
    options: { old: { type: 'string' } },
    allowPositionals: true,
  });
  const old = values.old && path.resolve(values.old);
  const isWanted = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(2)} before\n`,
  );
  const [first, ...rest] = wanted;
  // Needs root and takes long: only on request.
  if (first === 'faults') return (await import('./faults')).run(rest);
  if (first === 'runs') return runs.run(program, Number(rest[0] ?? 20), path.resolve(rest[1] ?? 'runs/bench'));
  if (first === 'hostile') return runHostile(program, old, rest);
  if (first === 'overload') {
    const builds: [string, string][] = [...(old ? [['old', old] as [string, string]] : []), ['new', program]];
    return (await import('./overload')).run(builds, rest);
  }
  if (isWanted('imaging')) await imaging.run();
  if (isWanted('events')) await runEvents(program, old);
  if (isWanted('report')) report.run(old ? [old, program, program, old] : [program]);
  if (isWanted('compare')) compare.run();
  if (isWanted('felt')) felt.run();
  if (isWanted('requests')) await runRequests(old ? [old, program] : [program]);
  if (isWanted('stress-memory')) await runStressMemory(old ? [old, program] : [program]);
  if (isWanted('election')) await election.run([program], { starts: 100, kills: 100, pauses: 3 });
}

async function runHostile(program: string, old: string | undefined, points: readonly string[]): Promise<void> {
  const builds: [string, string][] = [...(old ? [['old', old] as [string, string]] : []), ['new', program]];
  await (await import('./hostile/hostile')).run(builds, points);
}

async function runEvents(program: string, old: string | undefined): Promise<void> {
  events.run(tmpdir());
  if (old !== undefined) await events.sideBySide([old, program], tmpdir());
}

async function runStressMemory(programs: readonly string[]): Promise<void> {
  for (const clients of [1000, 5000]) {
    for (const program of programs) {
      if (programs.length > 1) console.log(program);
      await stressMemory.run([program], [clients]);
    }
  }
}

/** Alternates between the builds at each load, so that other work on the machine affects them alike. */
async function runRequests(programs: readonly string[]): Promise<void> {
  const reference = { secretBytes: SECRET_BYTES, coverFile: COVER };
  const loads: requests.RequestsOptions[] = [
    { ...reference, clients: 1, seconds: 10 },
    { ...reference, clients: 10, seconds: 15 },
    { file: 'test_images/small.png', secretBytes: 0, clients: 10, seconds: 30, kill: true },
  ];
  for (const load of loads) {
    for (const program of programs) {
      if (programs.length > 1) console.log(program);
      await requests.run([program], load);
    }
  }
}
