import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SERVER_TIMINGS } from '../../../src/config/run-config';
import { judgeRun } from '../../../src/run/verdicts';
import { HostsLab } from '../../support/hosts-lab';
import type { Ended } from '../../support/program';
import { type FaultCase, targetFlags } from './cases';
import { type Cost, costOf } from './measure';

const CLIENTS = ['client1', 'client2'];
const IMAGE_BYTES = 10_000;
const STEADY_SECS = 10;
const FAULT_SECS = 10;
const AFTER_SECS = 20;
/** From the start of `faults` to its first fault: its agents must start. */
const PREPARE_MS = 1000;
/** Time for each server to report an empty ledger in a sample. */
const SETTLE_MS = 3000;
const REQUEST_TIMEOUT_MS = 10_000;

/** Five hosts on this machine with one cluster, which takes all faults one after the other; every file is kept. */
export class TestBed {
  private readonly folders: string[] = [];

  private constructor(
    readonly lab: HostsLab,
    private readonly folder: string,
  ) {}

  static async start(): Promise<TestBed> {
    const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-bench-'));
    for (const name of ['tiny', 'small']) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, 'tiny', 'tiny.png'), randomBytes(IMAGE_BYTES));
    copyFileSync(path.join('test_images', 'small.png'), path.join(folder, 'small', 'small.png'));
    return new TestBed(await HostsLab.start(folder, CLIENTS), folder);
  }

  stop(): void {
    this.lab.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a steady load with one fault in it, and measures its cost. */
  async measure(each: FaultCase): Promise<Cost> {
    const name = `case${this.folders.length + 1}`;
    const folder = path.join(this.folder, name);
    mkdirSync(folder);
    this.folders.push(folder);
    const leader = await this.lab.agreement(10);
    const loads = CLIENTS.map((host, index) => this.load(each, host, { name, machineId: index + 1 }));
    await after(STEADY_SECS * 1000 - PREPARE_MS);
    const target = targetFlags(each, leader, this.lab.serverIds);
    good(
      await this.lab.control([
        ...['faults', '--config', 'faults.toml', '--kind', each.kind, ...target],
        ...['--cycles', '1', '--interval', '0', '--restart-delay', String(FAULT_SECS)],
      ]),
    );
    for (const load of loads) good(await load.ended, [0, 3]);
    await this.lab.agreement(10);
    return this.cost(folder);
  }

  /** Judges S1 to S8 over everything that happened. */
  async judge(): Promise<ReturnType<typeof judgeRun>> {
    await after(SETTLE_MS);
    return judgeRun({
      requestFiles: this.folders.flatMap((folder) =>
        requestFilesOf(folder).map((file, index) => ({ path: file, offsetMs: 0, machineId: index + 1 })),
      ),
      eventFiles: this.eventFiles.map((file) => ({ path: file, offsetMs: 0 })),
      faults: this.faults,
      serverIds: this.lab.serverIds,
      timings: SERVER_TIMINGS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
  }

  /** The events of all faults. */
  private get faults(): string {
    return path.join(this.folder, 'fault_events.ndjson');
  }

  /** The events of all servers. */
  get eventFiles(): string[] {
    return this.lab.serverIds.map((id) => path.join(this.lab.workDirOf(id), `server_${id}_events.ndjson`));
  }

  private load({ load }: FaultCase, host: string, { name, machineId }: { name: string; machineId: number }) {
    const numbers = {
      'machine-id': machineId,
      clients: load.clients,
      'min-delay-ms': load.minDelayMs,
      'max-delay-ms': load.maxDelayMs,
      duration: STEADY_SECS + FAULT_SECS + AFTER_SECS,
    };
    const flags = Object.entries(numbers).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
    const files = [
      '--client-config',
      'client.toml',
      '--image-dir',
      load.images,
      '--metrics-dir',
      `${name}/${machineId}`,
    ];
    return this.lab.begin(['stress', ...flags, ...files, '--run-id', name], this.lab.network.host(host));
  }

  private async cost(folder: string): Promise<Cost> {
    const report = path.join(folder, 'report.json');
    const metrics = CLIENTS.flatMap((_, index) => ['--metrics', path.join(folder, String(index + 1))]);
    const events = this.eventFiles.flatMap((file) => ['--events', file]);
    good(await this.lab.control(['report', ...metrics, '--faults', this.faults, ...events, '--out', report]));
    return costOf({ report, faults: this.faults, requests: requestFilesOf(folder) });
  }
}

function requestFilesOf(folder: string): string[] {
  return CLIENTS.map((_, index) => path.join(folder, String(index + 1), `machine_${index + 1}_requests.ndjson`));
}

export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Throws unless the program succeeded. */
function good({ code, stdout, stderr }: Ended, codes: readonly (number | null)[] = [0]): void {
  if (!codes.includes(code)) throw new Error(`exit code ${code}: ${stdout.slice(-3000)}${stderr}`);
}
