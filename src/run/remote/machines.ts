/** All machines of a run: connected, checked, locked against other runs, and given their files. */
import type { FaultServer } from '../../config/faults-config';
import { isFarOff } from '../../core/clock-offset';
import { ClusterError } from '../../core/errors';
import { oneLine } from '../../core/printable';
import { asidePrefix, eventsFileOf, LOCK_FILE, PROGRAM_FILE, serverFileOf } from './files.pure';
import type { RemoteRunOptions } from './remote-run';
import { RemoteLoad } from './remote-load';
import { Machine } from './machine';
import { releaseRunLock, type Holder, holderHere, takeRunLock } from './run-lock';
import { type WantedPlace, wantedPlaces } from './places';
import { checkPlace, copyFiles } from './prepare';
import { PUT_ASIDE } from './scripts.pure';

type Options = Pick<
  RemoteRunOptions,
  'config' | 'lab' | 'tls' | 'images' | 'executable' | 'program' | 'metadata' | 'clock' | 'signal'
> & {
  say(...lines: string[]): void;
};

/** A work folder on a connected machine. */
interface MachinePlace extends WantedPlace {
  machine: Machine;
  /** The absolute path, known after the check. */
  dir: string;
}

export class RemoteMachines {
  /** The missing client machines, one line each. */
  readonly problems: string[] = [];
  private readonly connections = new AbortController();
  private readonly machines: Machine[];
  private places: MachinePlace[];
  /** Work folders whose lock was requested, with its text. */
  private readonly locked = new Map<MachinePlace, Holder>();
  private readonly cut = (): void => this.connections.abort();

  constructor(private readonly options: Options) {
    const { lab, clock, signal, say } = options;
    const hosts = [...new Set([...lab.servers, ...lab.clients].map(({ host }) => host))];
    this.machines = hosts.map((host) => new Machine(host, { clock, signal: this.connections.signal, say }));
    this.places = wantedPlaces({ ...options, seed: options.metadata.seed }).map((place) => {
      const machine = this.machines.find((each) => each.host === place.host)!;
      return { ...place, machine, dir: place.workDir };
    });
    signal.addEventListener('abort', this.cut);
  }

  /** From now on Ctrl-C keeps the connections, which are needed to stop what was started. */
  outlive(signal: AbortSignal): void {
    signal.removeEventListener('abort', this.cut);
  }

  /** @throws ClusterError with one line per missing machine, if the run cannot begin without them */
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
   * Locks all work folders against other runs until `giveBack`.
   * @throws ClusterError with one line per run, server and load that is already there; nothing was written then
   */
  async reserve(): Promise<void> {
    const { metadata, clock } = this.options;
    const against = new Map<MachinePlace, string[]>();
    await this.each(this.places, async (place) => {
      const holder = holderHere(metadata.run_id, `${place.machine.host}:${place.workDir}`, clock.unixMs());
      this.locked.set(place, holder);
      against.set(place, await takeRunLock(place, holder));
    });
    const lines = this.places.flatMap((place) => against.get(place) ?? []);
    if (lines.length > 0) throw new ClusterError('not_reachable', lines.join('\n'));
  }

  /** Releases the locks; returns problems, one line each. */
  async giveBack(): Promise<string[]> {
    const { clock } = this.options;
    const again = new AbortController();
    const problems: string[] = [];
    await Promise.all(
      [...this.locked].map(async ([place, holder]) => {
        const { host } = place.machine;
        const isCut = this.connections.signal.aborted;
        // Interrupted by Ctrl-C before anything was started.
        const machine = isCut
          ? new Machine(host, { clock, signal: again.signal, say: () => undefined })
          : place.machine;
        await releaseRunLock({ ...place, machine }, holder).catch((error: unknown) => {
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
      say(`  ✓ ${place.machine.host}: ${done.length === 0 ? 'already has all files' : done.join('; ')}`);
    });
  }

  /** Renames events of an earlier run, which would be taken for those of this one. */
  async putAside({ id, host, workDir }: FaultServer): Promise<void> {
    const machine = this.machines.find((each) => each.host === host)!;
    const prefix = asidePrefix(String(Math.trunc(this.options.metadata.started_at)));
    await machine.script(PUT_ASIDE, [workDir, prefix, eventsFileOf(id)]);
  }

  /** Returns the servers in the form of the fault simulation. */
  get faultServers(): FaultServer[] {
    return this.options.lab.servers.map(({ id, host, workDir }) => ({
      id,
      host,
      config: serverFileOf(id),
      workDir: this.placeOf(host, workDir)!.dir,
      binary: `./${PROGRAM_FILE}`,
      command: [`./${PROGRAM_FILE}`],
    }));
  }

  /** Returns a load for each reachable client machine. */
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

  private placeOf(host: string, workDir: string): MachinePlace | undefined {
    return this.places.find((place) => place.machine.host === host && place.workDir === workDir);
  }

  /** Runs in parallel; a machine that only has clients may fail, if another one is left. */
  private async each<T extends Machine | MachinePlace>(
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
}

function clockText({ clockOffset }: Machine): string {
  if (clockOffset === null) return ', its clock offset is unknown';
  const { offsetMs, uncertaintyMs } = clockOffset;
  const much = `${Math.abs(offsetMs).toFixed(1)} ± ${uncertaintyMs.toFixed(1)} ms`;
  const warning = isFarOff(clockOffset) ? ' (the report corrects that)' : '';
  return `, its clock is ${much} ${offsetMs < 0 ? 'behind' : 'ahead'}${warning}`;
}
