/** Files and processes that a program leaves behind. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { until } from '../faults/until';

/** Expects every line of every .ndjson and every .json to parse, and temporary files to be hidden. */
export function expectWhole(folder: string): void {
  expect(damagedIn(folder)).toEqual([]);
}

function damagedIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const base = path.basename(name);
    if (base.endsWith('.tmp')) return base.startsWith('.') ? [] : [`${name}: a temporary file that is not hidden`];
    const text = /\.(nd)?json$/.test(base) ? readFileSync(path.join(folder, name), 'utf8') : '';
    if (base.endsWith('.json')) return parses(text) ? [] : [`${name}: half a file: ${text.slice(-100)}`];
    if (!base.endsWith('.ndjson')) return [];
    const lines = text.split('\n');
    const last = lines.pop();
    return [...lines.filter((line) => !parses(line)), ...(last === '' ? [] : [last])].map(
      (line) => `${name}: half a line: ${line}`,
    );
  });
}

function parses(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

/** The processes whose working directory is the folder or below it, as `pid command line`. */
export function processesIn(folder: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      const isInside = cwd === folder || cwd.startsWith(`${folder}/`);
      return isInside ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`] : [];
    } catch {
      // It has ended, or is a zombie.
      return [];
    }
  });
}

/** Waits until no process is left there: servers of a killed run finish their tasks first. */
export async function untilNobodyIn(folder: string, limitMs: number): Promise<void> {
  try {
    await until('nobody is left', () => processesIn(folder).length === 0, limitMs);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${processesIn(folder).join('; ')}`, { cause: error });
  }
}
