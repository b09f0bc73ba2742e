/** The servers of a run on other machines, started and stopped by the fault agents there. */
import type { FaultServer } from '../../config/faults-config';
import { inParallel } from '../../core/concurrency';
import { type Clock, NEVER } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import type { FaultKind } from '../../core/fault-kinds';
import { pause } from '../../core/system/pause';
import type { Hello } from '../../faults/agent/protocol.pure';
import type { ServerProcess } from '../../faults/driver';
import { HostLink, type HostOptions } from '../../faults/link/host-link';
import { sshChannel } from '../../faults/link/ssh-channel';
import { judge } from '../../status/agreement.pure';
import type { Answer } from '../../status/answer.pure';

/** Time to elect a leader: many elections (2 s by default). What prevents one is in docs/lab.md. */
const READY_MS = 30_000;
/** Each look is a request over SSH for every server. */
const LOOK_AGAIN_MS = 200;

export interface RemoteServersOptions {
  /** The servers, with absolute paths. */
  servers: readonly FaultServer[];
  /** The kinds of the plan: faults that a machine cannot inject are reported before the load starts. */
  kinds: readonly FaultKind[];
  /** The address of each server (host:port), for messages. */
  addressOf(id: number): string;
  program: HostOptions['program'];
  clock: Clock;
  /** Called when a server is known not to run. */
  beforeStart(server: FaultServer): Promise<void>;
}

export class RemoteServers {
  /** The processes started here, by id. */
  readonly started = new Map<number, ServerProcess>();

  constructor(private readonly options: RemoteServersOptions) {}

  /**
   * Starts all, and resolves with a description of their leader when they accept tasks.
   * @throws ClusterError `not_reachable`, one line per machine that prevents it
   */
  start(signal: AbortSignal): Promise<string> {
    return this.withAgents(signal, async (links) => {
      await together(this.options.servers, async (server) => {
        await this.startOne(linkOf(links, server), server);
      });
      return signal.aborted ? '' : this.agreement(links, signal);
    });
  }

  /** Shuts down the servers that were started here; running tasks finish. Returns problems, one line each. */
  async stop(): Promise<string[]> {
    const mine = this.options.servers.filter(({ id }) => this.started.has(id));
    if (mine.length === 0) return [];
    const problems: string[] = [];
    try {
      await this.withAgents(NEVER, async (links) => {
        await together(mine, async (server) => {
          const found = await linkOf(links, server).ask('find', { server: server.id });
          if (found !== null) await linkOf(links, server).ask('terminate', { server: server.id, process: found });
        });
      });
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      problems.push(...error.message.split('\n').map((line) => `a server may still be running: ${line}`));
    }
    return problems;
  }

  private async startOne(link: HostLink, server: FaultServer): Promise<void> {
    const { id, host } = server;
    const running = await link.ask('find', { server: id });
    if (running !== null) {
      const what = `it is already running (PID ${running.pid}), so this run would not have it to itself`;
      throw refusedBy({ id, host }, `${what}: stop it first`);
    }
    await this.options.beforeStart(server);
    try {
      this.started.set(id, await link.ask('start', { server: id }));
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      // The connection may have been lost after the start.
      const found = await link.ask('find', { server: id }).catch(() => null);
      if (found === null) throw refusedBy({ id, host }, `it did not start: ${error.message}`);
      this.started.set(id, found);
    }
  }

  /** Asks on the servers' own machines: their network may not be reachable from here. */
  private async agreement(links: readonly HostLink[], signal: AbortSignal): Promise<string> {
    const { servers, addressOf, clock } = this.options;
    const endMs = clock.monotonicMs() + READY_MS;
    for (;;) {
      const answers = await Promise.all(
        servers.map(async (server): Promise<Answer> => {
          const address = addressOf(server.id);
          const status = await linkOf(links, server).ask('status', { server: server.id });
          return status === null ? { address, failure: 'no answer in time' } : { address, status };
        }),
      );
      const agreement = judge(answers);
      const isReady = answers.every((answer) => 'status' in answer && answer.status.phase === 'ready');
      if ((agreement.agreed && isReady) || signal.aborted) return agreement.text;
      if (clock.monotonicMs() > endMs) {
        throw new ClusterError('not_reachable', `servers not ready after ${READY_MS / 1000} s: ${agreement.text}`);
      }
      await pause(LOOK_AGAIN_MS, signal);
    }
  }

  private async withAgents<T>(signal: AbortSignal, work: (links: readonly HostLink[]) => Promise<T>): Promise<T> {
    const { servers, kinds, program, clock } = this.options;
    const hosts = [...new Set(servers.map(({ host }) => host))];
    const links = hosts.map((host) => {
      const own = servers.filter((server) => server.host === host);
      return new HostLink(host, own, { kinds, program, clock, open: sshChannel });
    });
    try {
      await together(links, async (link) => this.check(link, await link.greet(signal)));
      return await work(links);
    } finally {
      await Promise.all(links.map((link) => link.end()));
    }
  }

  /** @throws ClusterError for problems that prevent the agent from starting, affecting or stopping its servers */
  private check({ host }: HostLink, { version, unable, servers }: Hello): void {
    const own = this.options.program.version;
    if (version !== own) {
      const text = `${host}: the program there is version ${version}, this one is ${own}`;
      throw new ClusterError('not_reachable', text);
    }
    const [kind, why] = Object.entries(unable)[0] ?? [];
    if (kind !== undefined) throw new ClusterError('not_reachable', `${host}: cannot inject "${kind}": ${why}`);
    for (const { id, problems } of servers) {
      const problem = problems.find((each) => each.kind !== 'state');
      if (problem !== undefined) throw refusedBy({ id, host }, problem.text);
    }
  }
}

function linkOf(links: readonly HostLink[], { host }: FaultServer): HostLink {
  return links.find((link) => link.host === host)!;
}

function refusedBy({ id, host }: Pick<FaultServer, 'id' | 'host'>, why: string): ClusterError {
  return new ClusterError('not_reachable', `server ${id} on ${host}: ${why}`);
}

/** Runs an action for all in parallel. @throws one error with a line for each that failed */
export async function together<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  await inParallel(items, Infinity, async (item) => {
    await act(item).catch((error: unknown) => errors.push(error));
  });
  const bug = errors.find((error) => !(error instanceof ClusterError));
  if (bug !== undefined) throw bug;
  const failures = errors as ClusterError[];
  if (failures.length < 2) {
    if (failures[0]) throw failures[0];
    return;
  }
  throw new ClusterError(failures[0]!.code, failures.map(({ message }) => message).join('\n'));
}
