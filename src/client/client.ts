import type { Clock, Logger, Random } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { RequestRecord } from '../core/metrics/record';
import type { FrameWatch } from '../core/transport/network';
import { ClusterView } from './cluster-view';
import type { Hedging } from './hedging';
import { ServerLink } from './server-link';
import { TaskRun, type TaskRunOptions } from './task-run';

/** An image as the requests carry it; the bytes are sent by reference and must not change. */
export interface ClientImage {
  name: string;
  bytes: Uint8Array;
}

export interface VirtualClientOptions {
  clientId: number;
  clientName: string;
  runId: string;
  /** host:port, at least one. */
  addresses: readonly string[];
  requestTimeoutMs: number;
  /** Shared by all clients of one program. */
  hedging: Hedging;
  random: Random;
  clock: Clock;
  /** Shared by all clients of one program: closes connections whose frames stall. */
  watch?: FrameWatch;
  /** What else servers call themselves → the configured address (`resolveAliases`). */
  aliases?: ReadonlyMap<string, string>;
  log?: Logger;
  /** Default 1,000; the attempt itself decides sooner what is late. */
  connectTimeoutMs?: number;
}

export type RequestOptions = Pick<TaskRunOptions, 'onCarrier' | 'onServerError'> & {
  /** Monotonic (`clock.monotonicMs()`): latency counts from it. Default: now. */
  intendedStartMs?: number;
};

const CONNECT_TIMEOUT_MS = 1000;

/** One client of the cluster with its kept connections, one per server, dialed when first needed. */
export class VirtualClient {
  /** Whether any server ever said anything. */
  hasHeard = false;
  readonly #options: VirtualClientOptions;
  readonly #view: ClusterView;
  /** By address; links that must not be used any more are not in it. */
  readonly #links = new Map<string, ServerLink>();
  readonly #runs = new Map<number, TaskRun>();
  readonly #context;
  readonly #aliases: ReadonlyMap<string, string>;
  #isStopped = false;
  /** Links whose sockets have not closed yet, in use or not. */
  readonly #sockets = new Set<ServerLink>();
  #onAllClosed: (() => void) | undefined;

  constructor(options: VirtualClientOptions) {
    this.#options = options;
    this.#aliases = options.aliases ?? new Map<string, string>();
    this.#view = new ClusterView(options.addresses, options.random);
    const { clientId, requestTimeoutMs, hedging, random, clock, log } = options;
    this.#context = {
      ...{ clientId, requestTimeoutMs, hedging, random, clock, log, view: this.#view },
      linkTo: (address: string) => this.#links.get(address) ?? this.#dial(address),
      openLink: (address: string) => this.#links.get(address),
      knownAddress: (address: string) => this.#aliases.get(address) ?? address,
    };
  }

  /** What the last answers said of who leads. */
  get leadership(): { term: number; leaderId: number | null } {
    const { term, leaderId } = this.#view;
    return { term, leaderId };
  }

  /** Requests that have not ended. */
  get inFlightCount(): number {
    return this.#runs.size;
  }

  /** Connections that exist, those being closed included. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /**
   * Sends one image through the cluster and verifies what comes back. Never rejects for what servers or networks do:
   * that is in the record. Several may be in flight at once; ids must differ among them.
   * @throws ClusterError `internal` for an id that is in flight
   */
  request(image: ClientImage, requestId: number, options: RequestOptions = {}): Promise<RequestRecord> {
    const { clientName, runId, clock } = this.#options;
    if (this.#runs.has(requestId)) throw new ClusterError('internal', `request ${requestId} is in flight already`);
    const { intendedStartMs = clock.monotonicMs(), onCarrier, onServerError } = options;
    const name = { run_id: runId, client_name: clientName, request_id: requestId };
    return new Promise((resolve) => {
      const onDone = (record: RequestRecord): void => {
        this.#runs.delete(requestId);
        resolve(record);
      };
      const run = new TaskRun(this.#context, { name, image, intendedStartMs, onCarrier, onServerError, onDone });
      if (this.#isStopped) return resolve(run.unsent());
      this.#runs.set(requestId, run);
      run.start();
    });
  }

  /** The user stops the run: requests in flight end as `interrupted`, later ones as `unsent`. */
  abandon(): void {
    this.#isStopped = true;
    for (const run of [...this.#runs.values()]) run.abandon();
  }

  /** Abandons what is in flight and closes all connections after what was said on them; resolves when they are gone. */
  close(): Promise<void> {
    this.abandon();
    for (const link of this.#sockets) link.end();
    this.#links.clear();
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onAllClosed = resolve));
  }

  #dial(address: string): ServerLink {
    const { clock, watch, connectTimeoutMs = CONNECT_TIMEOUT_MS, log } = this.#options;
    const link = new ServerLink({
      ...{ address, clock, watch, connectTimeoutMs },
      onHeard: () => (this.hasHeard = true),
      onNamed: (serverId) => this.#view.learn(address, serverId),
      onRetired: (retired) => {
        if (this.#links.get(address) === retired) this.#links.delete(address);
      },
      onClosed: (closed, reason) => {
        this.#sockets.delete(closed);
        log?.('debug', `connection to ${address} ended: ${reason}`);
        if (this.#sockets.size === 0) this.#onAllClosed?.();
      },
    });
    this.#links.set(address, link);
    this.#sockets.add(link);
    return link;
  }
}
