import { createHash } from 'node:crypto';
import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import { ClusterError } from '../../core/errors';
import type { TlsPem } from '../../core/transport/tls';
import { oneLine } from '../../core/printable';
import {
  CLIENT_FILE,
  clientText,
  eventsFileOf,
  PROGRAM_FILE,
  serverFileOf,
  serverText,
  STRESS_FILE,
  stressText,
  tlsPathsOf,
} from './files';
import type { LabOptions } from './lab';
import { longestMs, REQUEST_TIMEOUT_MS } from './limits';
import { RemoteLoad } from './load';
import { Machine } from './machine';
import { giveLockBack, type Holder, holderHere, takeLock } from './run-lock';
import { checkPlace, copyFiles, type Place, type WantedFile } from './prepare';
import { LOCK_FILE, PUT_ASIDE } from './scripts';

type Options = Pick<
  LabOptions,
  'config' | 'lab' | 'tls' | 'images' | 'executable' | 'program' | 'facts' | 'clock' | 'signal'
> & {
  say(...lines: string[]): void;
};

/** A work folder of a machine, and what it is for. */
interface LabPlace extends Place {
  serverIds: number[];
  machineIds: number[];
  /** Absolute; known when it was checked. */
  dir: string;
}

/** Worth a word: the report corrects the times by it. */
const MAX_OFFSET_MS = 500;

/** All machines of a run: connected, checked, and given their files. */
export class LabMachines {
  /** Client machines that are missing, one line each. */
  readonly problems: string[] = [];
  private readonly connections = new AbortController();
  private readonly machines: Machine[];
  private places: LabPlace[];
  /** Work folders whose lock was asked for, with what stands in it. */
  private readonly locked = new Map<LabPlace, Holder>();
  private readonly cut = (): void => this.connections.abort();

  constructor(private readonly options: Options) {
    const { lab, clock, signal, say } = options;
    const hosts = [...new Set([...lab.servers, ...lab.clients].map(({ host }) => host))];
    this.machines = hosts.map((host) => new Machine(host, { clock, signal: this.connections.signal, say }));
    this.places = this.placesOf();
    signal.addEventListener('abort', this.cut);
  }

  /** From now on Ctrl-C leaves the connections up: there is something to stop. */
  outlive(signal: AbortSignal): void {
    signal.removeEventListener('abort', this.cut);
  }

  /** @throws ClusterError a line for each machine that is missing, if it cannot begin without them */
  async connect(): Promise<void> {
    const { say } = this.options;
    await this.each(this.machines, async (machine) => {
      await machine.connect();
      say(`  ✓ ${machine.host}${clockText(machine)}`);
    });
  }

  async check(): Promise<void> {
    const { say, executable } = this.options;
    await this.each(this.places, async (place) => {
      place.dir = await checkPlace(place, executable);
      say(`  ✓ ${place.machine.host}: ${oneLine(place.dir)}, ${executable.system}`);
    });
  }

  /**
   * Keeps other runs out of all work folders until `giveBack`.
   * @throws ClusterError a line for each run, server and load that is there already; nothing was written then
   */
  async reserve(): Promise<void> {
    const { facts, clock } = this.options;
    const against = new Map<LabPlace, string[]>();
    await this.each(this.places, async (place) => {
      const holder = holderHere(facts.run_id, `${place.machine.host}:${place.workDir}`, clock.unixMs());
      this.locked.set(place, holder);
      against.set(place, await takeLock(place, holder));
    });
    const lines = this.places.flatMap((place) => against.get(place) ?? []);
    if (lines.length > 0) throw new ClusterError('not_reachable', lines.join('\n'));
  }

  /** Lets other runs in again; problems, one line each. */
  async giveBack(): Promise<string[]> {
    const { clock } = this.options;
    const again = new AbortController();
    const problems: string[] = [];
    await Promise.all(
      [...this.locked].map(async ([place, holder]) => {
        const { host } = place.machine;
        const isCut = this.connections.signal.aborted;
        // What Ctrl-C cut off while nothing was started yet.
        const machine = isCut
          ? new Machine(host, { clock, signal: again.signal, say: () => undefined })
          : place.machine;
        await giveLockBack({ ...place, machine }, holder).catch((error: unknown) => {
          if (!(error instanceof ClusterError)) throw error;
          problems.push(`${error.message}; ${oneLine(place.dir)}/${LOCK_FILE} stays there, for the next run from here`);
        });
      }),
    );
    again.abort();
    return problems;
  }

  async copy(): Promise<void> {
    const { say, program } = this.options;
    await this.each(this.places, async (place) => {
      const done = await copyFiles(place, place.dir, program.version);
      say(`  ✓ ${place.machine.host}: ${done.length === 0 ? 'has all files already' : done.join('; ')}`);
    });
  }

  /** Events of an earlier run would be taken for those of this one. */
  async putAside({ id, host, workDir }: FaultServer): Promise<void> {
    const machine = this.machines.find((each) => each.host === host)!;
    await machine.script(PUT_ASIDE, [
      workDir,
      `before_${Math.trunc(this.options.facts.started_at)}_`,
      eventsFileOf(id),
    ]);
  }

  /** As the fault simulation knows them. */
  get faultServers(): FaultServer[] {
    return this.options.lab.servers.map(({ id, host, workDir }) => ({
      ...{ id, host, config: serverFileOf(id), workDir: this.placeOf(host, workDir)!.dir },
      ...{ binary: `./${PROGRAM_FILE}`, command: [`./${PROGRAM_FILE}`] },
    }));
  }

  /** One for each client machine that is there. */
  loadsOf(runId: string): RemoteLoad[] {
    return this.options.lab.clients.flatMap(({ machineId, host, workDir }) => {
      const place = this.placeOf(host, workDir);
      return place === undefined ? [] : [new RemoteLoad(place.machine, machineId, place.dir, runId)];
    });
  }

  get placesText(): string {
    return this.places.map(({ machine, dir }) => `${machine.host}:${oneLine(dir)}`).join(', ');
  }

  close(): void {
    for (const machine of this.machines) machine.close();
  }

  private placeOf(host: string, workDir: string): LabPlace | undefined {
    return this.places.find((place) => place.machine.host === host && place.workDir === workDir);
  }

  /** All at once; a machine that only has clients may fail, if another one is left. */
  private async each<T extends Machine | LabPlace>(
    items: readonly T[],
    act: (item: T) => Promise<void>,
  ): Promise<void> {
    const failed: { machine: Machine; error: ClusterError }[] = [];
    await Promise.all(
      items.map(async (item) => {
        const machine = item instanceof Machine ? item : item.machine;
        await act(item).catch((error: unknown) => {
          if (!(error instanceof ClusterError)) throw error;
          failed.push({ machine, error });
        });
      }),
    );
    const fatal = failed.find(({ error }) => error.code !== 'not_reachable');
    if (fatal !== undefined) throw fatal.error;
    const lines = failed.map(({ error }) => error.message);
    const lost = new Set(failed.map(({ machine }) => machine));
    const isNeeded = this.places.some(({ machine, serverIds }) => lost.has(machine) && serverIds.length > 0);
    this.places = this.places.filter(({ machine }) => !lost.has(machine));
    const hasClients = this.places.some(({ machineIds }) => machineIds.length > 0);
    if (failed.length > 0 && (isNeeded || !hasClients)) throw new ClusterError('not_reachable', lines.join('\n'));
    for (const line of lines) this.options.say(`  ✗ ${oneLine(line)}`);
    this.problems.push(...lines.map((line) => `a client machine is missing: ${line}`));
  }

  private placesOf(): LabPlace[] {
    const { lab, executable } = this.options;
    const places = new Map<string, LabPlace & { files: WantedFile[] }>();
    const placeFor = (host: string, workDir: string): LabPlace & { files: WantedFile[] } => {
      const key = JSON.stringify([host, workDir]);
      const machine = this.machines.find((each) => each.host === host)!;
      const program = { path: PROGRAM_FILE, content: executable.content, mode: 0o755 };
      const fresh = { machine, workDir, files: [program], serverIds: [], machineIds: [], dir: workDir };
      if (!places.has(key)) places.set(key, fresh);
      return places.get(key)!;
    };
    for (const server of lab.servers) {
      const place = placeFor(server.host, server.workDir);
      place.serverIds.push(server.id);
      const pem = this.options.tls?.servers.get(server.id);
      place.files.push(textFile(serverFileOf(server.id), serverText(server, lab.servers)));
      addFiles(place.files, tlsFiles(`server${server.id}`, pem));
    }
    for (const { machineId, host, workDir } of lab.clients) {
      const place = placeFor(host, workDir);
      place.machineIds.push(machineId);
      addFiles(place.files, [...this.clientFiles(machineId), ...tlsFiles('client', this.options.tls?.client)]);
    }
    return [...places.values()];
  }

  private clientFiles(machineId: number): WantedFile[] {
    const { lab, config, facts, images = [] } = this.options;
    const imageFolder = images.length === 0 ? undefined : imageFolderOf(images);
    const stress = stressText({
      ...{ machineId, stress: config.stress, seed: facts.seed, longestMs: longestMs(config), imageFolder },
    });
    return [
      textFile(CLIENT_FILE, clientText(lab, REQUEST_TIMEOUT_MS)),
      textFile(STRESS_FILE, stress),
      ...images.map(({ name, bytes }) => ({ path: path.posix.join(imageFolder!, name), content: bytes, mode: 0o644 })),
    ];
  }
}

/** Of their content, so that other pictures of another run are not among them. */
export function imageFolderOf(images: NonNullable<LabOptions['images']>): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of images) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return `images_${hash.digest('hex').slice(0, 8)}`;
}

/** A server and a client of one folder share the CA. */
function addFiles(files: WantedFile[], more: readonly WantedFile[]): void {
  files.push(...more.filter((file) => files.every(({ path: other }) => other !== file.path)));
}

function tlsFiles(owner: string, pem: TlsPem | undefined): WantedFile[] {
  if (pem === undefined) return [];
  const paths = tlsPathsOf(owner);
  return (['ca', 'cert', 'key'] as const).map((part) => {
    return { path: paths[part], content: Buffer.from(pem[part]), mode: part === 'key' ? 0o600 : 0o644 };
  });
}

function textFile(file: string, text: string): WantedFile {
  return { path: file, content: Buffer.from(text), mode: 0o644 };
}

function clockText({ clockOffset }: Machine): string {
  if (clockOffset === null) return ', its clock could not be compared';
  const { offsetMs, uncertaintyMs } = clockOffset;
  const much = `${Math.abs(offsetMs).toFixed(1)} ± ${uncertaintyMs.toFixed(1)} ms`;
  const warning = Math.abs(offsetMs) - uncertaintyMs > MAX_OFFSET_MS ? ' (the report corrects that)' : '';
  return `, its clock is ${much} ${offsetMs < 0 ? 'behind' : 'ahead'}${warning}`;
}
