/** Short, watched runs of the built program's `run` in an empty folder. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import type { FaultEvent } from '../../src/core/metrics/record';
import { portsFor } from '../../src/run/ports';
import { inFolder } from '../support/program';
import { expectWhole, untilNobodyIn } from './leftovers';

const SMALL = path.join(__dirname, '../../test_images/small.png');
const LOAD = ['--clients', '4', '--min-delay-ms', '50', '--max-delay-ms', '150', '--image-dir', '../images'];
const FAULTS = ['--first-fault', '1', '--interval', '2', '--restart-delay', '1'];
const FAST_FAULTS = ['--first-fault', '0.2', '--interval', '0.3', '--restart-delay', '0.2'];

/** The limit for leaving: servers finish their tasks first. */
export const GONE_MS = 10_000;

export interface Place {
  /** Empty at first. */
  cwd: string;
  /** `run` with three kills, a second between each kill and its restart. */
  args: string[];
  /** The same, as fast as possible. */
  fastArgs: string[];
  /** Load without faults. */
  calmArgs: string[];
  /** The output folder of those runs. */
  out: string;
}

/** Runs `body`; afterwards every file must be whole and no process may be left. */
export function inRun(body: (place: Place) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const cwd = path.join(folder, 'here');
    mkdirSync(cwd);
    prepareImages(folder);
    // Our own ports: while a server is down, another program's search for ports could find its port.
    const own = ['run', '--out', 'out', '--port', String(await firstPort()), ...LOAD];
    await body({
      cwd,
      out: path.join(cwd, 'out'),
      args: [...own, ...FAULTS],
      fastArgs: [...own, ...FAST_FAULTS],
      calmArgs: [...own, '--cycles', '0', '--first-fault', '0', '--interval', '0.7'],
    });
    await untilNobodyIn(cwd, GONE_MS);
    expectWhole(cwd);
  });
}

/** Puts one small image into `images`; returns it. */
export function prepareImages(folder: string): Buffer {
  mkdirSync(path.join(folder, 'images'));
  copyFileSync(SMALL, path.join(folder, 'images', 'small.png'));
  return readFileSync(SMALL);
}

async function firstPort(): Promise<number> {
  for (;;) {
    const first = 20_000 + 10 * randomInt(1000);
    const isFree = await portsFor(3, first).then(
      () => true,
      () => false,
    );
    if (isFree) return first;
  }
}

export function jsonOf<T>(folder: string, name: string): T {
  return JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as T;
}

export function faultsOf(folder: string): string[] {
  const lines = readFileSync(path.join(folder, 'fault_events.ndjson'), 'utf8').trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as FaultEvent).filter(({ outcome }) => outcome === 'done');
  return events.map(({ server_id, action }) => `${action} ${server_id}`);
}
