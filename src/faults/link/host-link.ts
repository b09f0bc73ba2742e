import type { FaultServer } from '../../config/faults-config';
import type { Clock } from '../../core/environment';
import type { FaultKind } from '../../core/fault-kinds';
import { pause } from '../../core/pause';
import type { Hello, Verb, Verbs } from '../agent/protocol';
import { reasonOf, refused } from '../refusal';
import { AgentLink } from './agent-link';
import type { Channel } from './channel';

export interface HostOptions {
  kinds: readonly FaultKind[];
  clock: Clock;
  /**
   * Starts the agent for these servers, which are on one host.
   * @param signal gives up, while it is not reached yet
   * @throws ClusterError when it cannot be reached
   */
  open(host: string, servers: readonly FaultServer[], signal: AbortSignal): Promise<Channel>;
}

/** How long an agent that is gone may take to mend what it broke and let its servers go. */
const RECONNECT_MS = 30_000;
const AGAIN_MS = 500;
const NEVER = new AbortController().signal;

/** One host with its agent, and with another one when that is gone: then there may be something left to mend. */
export class HostLink {
  #link: AgentLink | undefined;
  #reconnecting: Promise<void> | undefined;

  constructor(
    readonly host: string,
    readonly servers: readonly FaultServer[],
    private readonly options: HostOptions,
  ) {}

  /** Of the first agent. */
  get lost(): AbortSignal {
    return this.#link!.lost;
  }

  /** Starts the agent. @throws ClusterError */
  async greet(signal: AbortSignal): Promise<Hello> {
    this.#link = await this.#open(signal);
    return this.#greet(this.#link);
  }

  clockOffset(): ReturnType<AgentLink['clockOffset']> {
    return this.#link!.clockOffset();
  }

  /** @throws ClusterError what the agent refused, or that neither it nor another one can be reached */
  async ask<V extends Verb>(verb: V, fields: Verbs[V][0]): Promise<Verbs[V][1]> {
    if (this.#link!.lost.aborted) this.#reconnecting ??= this.#reconnect();
    // Once it is there, it may be lost again.
    await this.#reconnecting?.finally(() => (this.#reconnecting = undefined));
    return this.#link!.ask(verb, fields);
  }

  async end(): Promise<void> {
    await this.#link?.end();
  }

  async #open(signal: AbortSignal): Promise<AgentLink> {
    const channel = await this.options.open(this.host, this.servers, signal);
    return new AgentLink(this.host, channel, this.options.clock);
  }

  #greet(link: AgentLink): Promise<Hello> {
    const servers = this.servers.map(({ id, config, workDir, binary, command }) => {
      return { id, config, workDir, binary, command };
    });
    return link.ask('hello', { servers, kinds: [...this.options.kinds] });
  }

  /** The first agent mends everything when it is cut off, and gives its locks back when it has. */
  async #reconnect(): Promise<void> {
    const { clock } = this.options;
    const endMs = clock.monotonicMs() + RECONNECT_MS;
    for (;;) {
      const problem = await this.#attempt();
      if (problem === null) return;
      if (clock.monotonicMs() > endMs) throw refused(problem);
      await pause(AGAIN_MS, NEVER);
    }
  }

  /** Whatever the user wants by now: there may be something to mend. An agent that cannot have its locks is of no use. */
  async #attempt(): Promise<string | null> {
    let link: AgentLink | undefined;
    try {
      link = await this.#open(NEVER);
      const { servers } = await this.#greet(link);
      const locked = servers.flatMap(({ problems }) => problems).find(({ kind }) => kind === 'lock');
      if (locked === undefined) {
        this.#link = link;
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
