import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import * as election from './election';
import * as imaging from './imaging';
import * as report from './report';
import * as requests from './requests';
import * as stressMemory from './stress-memory';

/** The cover of the reference measurement has 612 × 405 pixels; this one is made of the default cover. */
const COVER = path.join('test', 'bench', 'cover-612x405.jpg');
const SECRET_BYTES = 36_734;

export { attack } from './hostile/hostile';

/** Runs the wanted parts, all by default. */
export async function main(program: string, wanted: readonly string[]): Promise<void> {
  const isWanted = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(2)} before\n`,
  );
  const [first, ...rest] = wanted;
  // Takes root and 20 minutes: never among all the others.
  if (first === 'faults') return (await import('./faults')).run(rest);
  if (first === 'hostile') return runHostile(program, rest);
  if (isWanted('imaging')) await imaging.run();
  if (isWanted('report')) report.run([program]);
  if (isWanted('requests')) await runRequests([program]);
  if (isWanted('stress-memory')) await stressMemory.run([program], [1000, 5000]);
  if (isWanted('election')) await election.run([program], { starts: 100, kills: 100, pauses: 3 });
}

/** Compares with an older build where `--old FILE` names one. */
async function runHostile(program: string, words: readonly string[]): Promise<void> {
  const [old] = words[0] === '--old' ? words.slice(1) : [];
  const builds: [string, string][] = [
    ...(old ? [['old', path.resolve(old)] as [string, string]] : []),
    ['new', program],
  ];
  await (await import('./hostile/hostile')).run(builds, words.slice(old ? 2 : 0));
}

async function runRequests(command: string[]): Promise<void> {
  const reference = { secretBytes: SECRET_BYTES, coverFile: COVER };
  await requests.run(command, { ...reference, clients: 1, seconds: 10 });
  await requests.run(command, { ...reference, clients: 10, seconds: 15 });
  await requests.run(command, { file: 'test_images/small.png', secretBytes: 0, clients: 10, seconds: 30, kill: true });
}
