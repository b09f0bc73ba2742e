/** The `run` command over SSH, step by step: as on one machine, but with servers and clients on others. */
import path from 'node:path';
import type { ClientImage } from '../../client/client';
import type { Lab } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import type { Clock } from '../../core/environment';
import type { Threshold } from '../../core/metrics/threshold';
import { ClusterError } from '../../core/errors';
import { logLine } from '../../core/log-line';
import { oneLine } from '../../core/printable';
import { pause } from '../../core/system/pause';
import type { Output } from '../../report/collect/collect-screen';
import type { RunMetadata } from '../../report/report';
import type { Screen } from '../../stress/screen';
import { injectFaults } from '../inject-faults';
import { RunRecorder, type RunResult } from '../recorder';
import type { Executable } from './executable';
import { IN_THE_CLEAR } from './files.pure';
import { RemoteLoads } from './remote-loads';
import { RemoteMachines } from './machines';
import type { RemoteTls } from './places';
import { STEPS } from './plan-text.pure';
import { remoteReport } from './remote-report';
import { RemoteServers } from './servers';
import { sshCommand } from './ssh-command';

export interface RemoteRunOptions {
  config: RunConfig;
  lab: Lab;
  /** A folder on this machine that must not exist yet. */
  folder: string;
  /** Copied to the client machines; undefined if they use their own. */
  images?: readonly ClientImage[];
  executable: Executable;
  /** The TLS files of the machines. */
  tls?: RemoteTls;
  /** The command and version of this program. */
  program: { version: string; command: readonly string[] };
  thresholds: readonly Threshold[];
  /** The content of run.json except its end. */
  metadata: RunMetadata;
  /** Keeps the servers running. */
  keep: boolean;
  clock: Clock;
  /** Aborted by Ctrl-C: heals, stops, and reports what was collected. */
  signal: AbortSignal;
  screen?: Screen;
  /** The display for the progress of the collection, if there is one. */
  output?: Output;
}

/**
 * Performs all steps. However it ends, it stops everything it started on other machines; files stay.
 * @throws ClusterError `not_reachable` naming the machines that prevent it, `bad_config` for an invalid ssh
 * configuration, `bad_usage` if a folder or file cannot be written, `interrupted` before anything was started
 */
export async function runRemotely(options: RemoteRunOptions): Promise<RunResult> {
  const { folder, metadata, clock, screen, lab } = options;
  const servers = lab.servers.map(({ address }) => address);
  const recorder = new RunRecorder({ folder, metadata, servers, steps: STEPS.length, clock, screen });
  const run = new RemoteRun(options, recorder);
  let result: RunResult | undefined;
  await recorder.begin();
  const onExit = (): void => run.tellWhatIsLeft();
  process.once('exit', onExit);
  try {
    await run.prepare();
    await run.perform();
    return (result = await run.result());
  } finally {
    screen?.stop();
    const problems = await run.stop();
    result?.problems.push(...problems);
    process.off('exit', onExit);
  }
}

class RemoteRun {
  private readonly machines: RemoteMachines;
  private servers: RemoteServers | undefined;
  private loads: RemoteLoads | undefined;

  constructor(
    private readonly options: RemoteRunOptions,
    private readonly recorder: RunRecorder,
  ) {
    this.machines = new RemoteMachines({ ...options, say: (...lines) => recorder.say(...lines) });
  }

  /** Steps 1 to 3, which start nothing. */
  async prepare(): Promise<void> {
    const { machines } = this;
    await this.step(1, () => machines.connect());
    await this.step(2, async () => {
      await machines.check();
      await machines.reserve();
    });
    await this.step(3, () => machines.copy());
    machines.outlive(this.options.signal);
  }

  /** Steps 4 to 7. */
  async perform(): Promise<void> {
    const { config, clock, signal, program, tls, metadata } = this.options;
    const { recorder, machines } = this;
    const kinds = config.faults.spec.cycles === 0 ? [] : config.faults.spec.kinds.map(({ kind }) => kind);
    const servers = new RemoteServers({
      servers: machines.faultServers,
      kinds,
      program,
      clock,
      beforeStart: (server) => machines.putAside(server),
      addressOf: (id) => this.options.lab.servers.find((server) => server.id === id)!.address,
    });
    this.servers = servers;
    await this.step(4, async () => {
      if (tls === undefined) recorder.say(logLine(new Date(clock.wallMs()), 'warn', IN_THE_CLEAR));
      recorder.say(await servers.start(signal));
    });
    if (signal.aborted) return;
    const loads = new RemoteLoads({ loads: machines.loadsOf(metadata.run_id), config, clock, signal, recorder });
    this.loads = loads;
    await this.step(5, () => loads.start());
    if (signal.aborted) return;
    await loads.during(async (startAtMs, stop) => {
      recorder.faults = await this.injectFaults(startAtMs, stop, servers);
      this.sayStep(7);
    });
  }

  private async injectFaults(startAtMs: number, signal: AbortSignal, servers: RemoteServers) {
    const { config, clock, program, tls, screen } = this.options;
    const { recorder, machines } = this;
    return injectFaults({
      config,
      servers: machines.faultServers,
      // The probe of `--abort-when` is a client like those of the load.
      secure: tls && new (await import('../../core/transport/tls')).Secure(tls.client),
      // The successes of the loads are known only on their machines (docs/lab.md).
      untilFirst: (until) => pause(Math.max(0, startAtMs + config.faults.firstMs - clock.unixMs()), until),
      program,
      clock,
      signal,
      recorder,
      screen,
      begin: () => this.sayStep(6),
      onSeen: (id, process) => servers.started.set(id, process),
      // A lost connection to an agent does not end a run.
      onAgentLost: (reason) => recorder.say(`${reason}; it heals its faults, and a new agent replaces it`),
    });
  }

  /** Step 8. */
  async result(): Promise<RunResult> {
    const { signal, folder } = this.options;
    const { recorder, machines, loads } = this;
    const started = (loads?.loads ?? []).filter(({ isStarted }) => isStarted);
    recorder.problems.push(...machines.problems, ...(loads?.problems ?? []));
    this.sayStep(8);
    const report =
      started.length === 0 ? null : await remoteReport({ ...this.options, recorder, loads: started, machines });
    if (started.length === 0 && !signal.aborted) recorder.problems.push('nothing to report: no load was started');
    recorder.say('', `The files of the machines stay there, in: ${machines.placesText}`);
    recorder.say(`Collected files: ${oneLine(path.join(folder, 'collected'))}`);
    return recorder.result(report, signal.aborted);
  }

  /** Step 9: ends what was started, and reports what could not be ended. */
  async stop(): Promise<string[]> {
    const { keep, signal } = this.options;
    const { servers, machines, recorder } = this;
    const left = (await this.loads?.stop()) ?? [];
    const isKept = keep && !signal.aborted && servers !== undefined;
    if (isKept) recorder.say('', `The servers keep running; to stop them: ${this.howToStop()}`);
    else if (servers !== undefined && servers.started.size > 0) {
      this.sayStep(9);
      left.push(...(await servers.stop()));
      if (left.length === 0) recorder.say('Stopped everything that this run started');
    }
    left.push(...(await machines.giveBack()));
    machines.close();
    for (const text of left) recorder.say(`Incomplete: ${oneLine(text)}`);
    return left;
  }

  /** A second Ctrl-C ends this process at once. */
  tellWhatIsLeft(): void {
    const servers = this.servers?.started.size ? [this.howToStop()] : [];
    const what = [...(this.loads?.left ?? []), ...servers];
    if (what.length > 0) this.recorder.say(`Ended at once; may still run: ${what.join('; ')}`);
  }

  private howToStop(): string {
    return this.machines.faultServers
      .flatMap(({ id, host }) => {
        const pid = this.servers?.started.get(id)?.pid;
        return pid === undefined ? [] : [`server ${id}: ${sshCommand(host, `kill ${pid}`)}`];
      })
      .join('; ');
  }

  private async step(number: number, act: () => Promise<void>): Promise<void> {
    this.sayStep(number);
    await act();
    if (number < 4 && this.options.signal.aborted)
      throw new ClusterError('interrupted', 'interrupted; nothing was started');
  }

  private sayStep(number: number): void {
    this.recorder.step(number, STEPS[number - 1]!);
  }
}
