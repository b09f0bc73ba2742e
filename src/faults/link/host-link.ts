/** A host with its fault agent, which is replaced when it is gone, as faults may still have to be healed. */
import type { FaultServer } from '../../config/faults-config';
import { type Clock, NEVER } from '../../core/environment';
import type { FaultKind } from '../../core/fault-kinds';
import { pause } from '../../core/system/pause';
import type { Hello, Verb, Verbs } from '../agent/protocol.pure';
import { reasonOf, refused } from '../refusal';
import { AgentLink } from './agent-link';
import { openChannel } from './open-channel';

export interface HostOptions {
  kinds: readonly FaultKind[];
  /** The command and version of this program. */
  program: { version: string; command: readonly string[] };
  clock: Clock;
  /** Starts the agent of a host (default: `openChannel`, without SSH on localhost). */
  open?: typeof openChannel;
}

/** Time for an agent that is gone to heal its faults and release its locks, in milliseconds. */
const RECONNECT_MS = 30_000;
const AGAIN_MS = 500;

export class HostLink {
  private link: AgentLink | undefined;
  private reconnecting: Promise<void> | undefined;

  constructor(
    readonly host: string,
    readonly servers: readonly FaultServer[],
    private readonly options: HostOptions,
  ) {}

  /** Aborted when the first agent is gone. */
  get lost(): AbortSignal {
    return this.link!.lost;
  }

  /** Starts the agent. @throws ClusterError */
  async greet(signal: AbortSignal): Promise<Hello> {
    this.link = await this.open(signal);
    return this.onGreeting(this.link);
  }

  clockOffset(): ReturnType<AgentLink['clockOffset']> {
    return this.link!.clockOffset();
  }

  /** @throws ClusterError if the agent refuses, or neither it nor a new one can be reached */
  async ask<V extends Verb>(verb: V, fields: Verbs[V][0]): Promise<Verbs[V][1]> {
    if (this.link!.lost.aborted) this.reconnecting ??= this.reconnect();
    // A new agent may be lost again.
    await this.reconnecting?.finally(() => (this.reconnecting = undefined));
    return this.link!.ask(verb, fields);
  }

  async end(): Promise<void> {
    await this.link?.end();
  }

  private async open(signal: AbortSignal): Promise<AgentLink> {
    const { program, clock, open = openChannel } = this.options;
    const channel = await open(this.host, this.servers, signal, program.command);
    return new AgentLink(this.host, channel, clock);
  }

  private onGreeting(link: AgentLink): Promise<Hello> {
    const servers = this.servers.map(({ id, config, workDir, binary, command }) => {
      return { id, config, workDir, binary, command };
    });
    return link.ask('hello', { servers, kinds: [...this.options.kinds] });
  }

  /** Waits for the lost agent, which heals everything when it is cut off and then releases its locks. */
  private async reconnect(): Promise<void> {
    const { clock } = this.options;
    const endMs = clock.monotonicMs() + RECONNECT_MS;
    for (;;) {
      const problem = await this.attempt();
      if (problem === null) return;
      if (clock.monotonicMs() > endMs) throw refused(problem);
      await pause(AGAIN_MS, NEVER);
    }
  }

  /** Runs even after Ctrl-C, as faults may have to be healed. An agent that does not get its locks is of no use. */
  private async attempt(): Promise<string | null> {
    let link: AgentLink | undefined;
    try {
      link = await this.open(NEVER);
      const { servers } = await this.onGreeting(link);
      const locked = servers.flatMap(({ problems }) => problems).find(({ kind }) => kind === 'lock');
      if (locked === undefined) {
        this.link = link;
        return null;
      }
      await link.end();
      return locked.text;
    } catch (error) {
      await link?.end();
      return reasonOf(error);
    }
  }
}
