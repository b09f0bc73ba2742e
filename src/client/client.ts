/** One client of the cluster with its persistent connections, one per server, dialed on first use. */
import type { Clock, Logger, Random } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { FailureReason, RequestRecord } from '../core/metrics/record';
import { WarnOnce } from '../core/warn-once';
import type { MessageOf } from '../core/protocol';
import { type PauseListener, PauseWatch } from '../core/system/pause-watch';
import { dial, type FrameWatch, type Secure } from '../core/transport/network';
import { ClusterView } from './attempt/cluster-view';
import type { Hedging } from './attempt/hedging';
import type { DialLink } from './link-connection';
import { ServerLink } from './server-link';
import { TaskRun, type TaskRunOptions } from './task-run';
import { ReportedAddresses } from './reported-addresses';

/** An image as sent in requests; the bytes are sent by reference and must not change. */
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
  /** Shared by all clients of one program: notices when it stood still. Default: an own one. */
  pauses?: PauseWatch;
  /** Shared by all clients of one program: closes connections whose frames stall. */
  watch?: FrameWatch;
  /** Default: no TLS. */
  secure?: Secure;
  /** Addresses that servers report for themselves → the configured address (`resolveAddressAliases`). */
  aliases?: ReadonlyMap<string, string>;
  log?: Logger;
  /** Default: over TCP. */
  dial?: DialLink;
  /** Default 1,000; the attempt itself decides earlier that a server is late. */
  connectTimeoutMs?: number;
}

export type RequestOptions = Pick<TaskRunOptions, 'onCarrier' | 'onServerError'> & {
  /** Monotonic (`clock.monotonicMs()`), the start of the latency. Default: now. */
  intendedStartMs?: number;
};

const CONNECT_TIMEOUT_MS = 1000;
/** Longer makes no difference to a leader; no message may state more than a day. */
const MAX_WAITING_MS = 3_600_000;

export class VirtualClient implements PauseListener {
  /** True once any server has sent a message. */
  hasHeard = false;
  private readonly view: ClusterView;
  /** Links by address, without those that must not be used any more. */
  private readonly links = new Map<string, ServerLink>();
  private readonly runs = new Map<number, TaskRun>();
  private readonly context;
  private readonly aliases: ReadonlyMap<string, string>;
  private readonly reported: ReportedAddresses;
  /** The latest problem of TLS or the protocol by address. */
  private readonly problems = new Map<string, string>();
  private readonly warnings: WarnOnce;
  private readonly pauses: PauseWatch;
  /** Monotonic: since when there are requests without a success; null: there are none. */
  private unservedSinceMs: number | null = null;
  private isStopped = false;
  /** Links whose sockets have not closed yet, in use or not. */
  private readonly sockets = new Set<ServerLink>();
  private onAllClosed: (() => void) | undefined;

  constructor(private readonly options: VirtualClientOptions) {
    this.pauses = options.pauses ?? new PauseWatch(options.clock);
    this.warnings = new WarnOnce((text) => options.log?.('warn', text));
    this.aliases = options.aliases ?? new Map<string, string>();
    this.reported = new ReportedAddresses([...options.addresses, ...this.aliases.keys()]);
    this.view = new ClusterView(options.addresses, options.random, options.hedging.slow);
    const { clientId, requestTimeoutMs, hedging, random, clock, log } = options;
    this.context = {
      clientId,
      requestTimeoutMs,
      hedging,
      random,
      clock,
      pauses: this.pauses,
      log,
      view: this.view,
      linkTo: (address: string) => this.goodLink(address) ?? this.dial(address),
      admit: (named: MessageOf<'TaskAssignmentResponse'>) => this.admit(named),
      waitingMs: () => this.waitingMs(),
    };
  }

  /** The configured addresses if no server ever responded, each with its problem of TLS or the protocol, if any. */
  get unreached(): string[] {
    if (this.hasHeard) return [];
    return this.options.addresses.map((address) => {
      const problem = this.problems.get(address);
      return problem === undefined ? address : `${address}: ${problem}`;
    });
  }

  /** The leadership reported by the latest responses. */
  get leadership(): { term: number; leaderId: number | null } {
    const { term, leaderId } = this.view;
    return { term, leaderId };
  }

  get inFlightCount(): number {
    return this.runs.size;
  }

  /** Carriers that have begun to arrive and are not fully verified. */
  get receivingCount(): number {
    let count = 0;
    for (const link of this.sockets) if (link.isReceiving) count += 1;
    return count;
  }

  /** Open connections, including those being closed. */
  get connectionCount(): number {
    return this.sockets.size;
  }

  /**
   * Sends one image through the cluster and verifies the response. Never rejects for server or network failures: these
   * are in the record. Several requests may be in flight at once; their ids must differ.
   * @throws ClusterError `internal` for an id that is in flight
   */
  request(image: ClientImage, requestId: number, options: RequestOptions = {}): Promise<RequestRecord> {
    let resolve!: (record: RequestRecord) => void;
    const ended = new Promise<RequestRecord>((done) => (resolve = done));
    this.begin(image, requestId, options, resolve);
    return ended;
  }

  /** Like `request`; calls `onDone` with the record. */
  begin(image: ClientImage, requestId: number, options: RequestOptions, onDone: (record: RequestRecord) => void): void {
    const { clock } = this.options;
    if (this.runs.has(requestId)) throw new ClusterError('internal', `request ${requestId} is already in flight`);
    if (this.isStopped) return onDone(this.unsent(image, requestId, options));
    const run = this.newRun(image, requestId, options, (record) => {
      this.runs.delete(requestId);
      if (record.success) this.unservedSinceMs = this.runs.size > 0 ? clock.monotonicMs() : null;
      this.watchPauses();
      onDone(record);
    });
    this.runs.set(requestId, run);
    this.unservedSinceMs ??= clock.monotonicMs();
    this.watchPauses();
    run.start();
  }

  /** Returns the record of a request that was due but will not be sent: a failure if there is a reason. */
  unsent(
    image: ClientImage,
    requestId: number,
    options: RequestOptions = {},
    reason: FailureReason | null = null,
  ): RequestRecord {
    return this.newRun(image, requestId, options, () => undefined).unsent(reason);
  }

  /** This process stood still: no server is judged by that time. */
  onResume(pausedMs: number, nowMs: number): void {
    for (const run of [...this.runs.values()]) run.resumed(pausedMs, nowMs);
  }

  /** The user stops the run: requests in flight end as `interrupted`, later ones as `unsent`. */
  abandon(): void {
    this.isStopped = true;
    for (const run of [...this.runs.values()]) run.abandon();
  }

  /** Abandons requests in flight and closes all connections after their output; resolves when they are gone. */
  close(): Promise<void> {
    this.abandon();
    for (const link of this.sockets) link.end();
    this.links.clear();
    if (this.sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.onAllClosed = resolve));
  }

  private waitingMs(): number {
    const nowMs = this.options.clock.monotonicMs();
    return Math.min(MAX_WAITING_MS, Math.round(nowMs - (this.unservedSinceMs ?? nowMs)));
  }

  /** While anything may be judged by a time. */
  private watchPauses(): void {
    if (this.runs.size + this.sockets.size > 0) this.pauses.add(this);
    else this.pauses.remove(this);
  }

  private newRun(
    image: ClientImage,
    requestId: number,
    options: RequestOptions,
    onDone: (record: RequestRecord) => void,
  ): TaskRun {
    const { clientName, runId, clock } = this.options;
    const { intendedStartMs = clock.monotonicMs(), onCarrier, onServerError } = options;
    const name = { run_id: runId, client_name: clientName, request_id: requestId };
    return new TaskRun(this.context, { name, image, intendedStartMs, onCarrier, onServerError, onDone });
  }

  private admit(named: MessageOf<'TaskAssignmentResponse'>): string | null {
    const { assigned_server_id: id, assigned_server_address: address, leader_id: leaderId } = named;
    if (address === null) return null;
    const known = this.aliases.get(address) ?? address;
    if (this.reported.admits(known, id, leaderId)) return known;
    this.warnings.say('', 'a server reported an address that is not configured and cannot be that of a server');
    this.options.log?.('debug', `not used: ${known}, reported as the address of server ${id}`);
    return null;
  }

  private goodLink(address: string): ServerLink | undefined {
    const link = this.links.get(address);
    if (!link?.isMute) return link;
    link.retire();
    return undefined;
  }

  private dial(address: string): ServerLink {
    const { clock, watch, secure, connectTimeoutMs = CONNECT_TIMEOUT_MS, log } = this.options;
    const link = new ServerLink({
      address,
      dial: this.options.dial ?? dial,
      clock,
      pauses: this.pauses,
      watch,
      secure,
      connectTimeoutMs,
      expected: this.reported.expectedAt(address),
      onHeard: () => {
        this.hasHeard = true;
        this.options.hedging.slow.heard(address, clock.monotonicMs());
        this.warnings.well(address);
      },
      onTlsProblem: (problem) => {
        this.problems.set(address, problem);
        this.warnings.say(address, `TLS with ${address}: ${problem}`);
      },
      onBroken: (problem) => {
        this.problems.set(address, `it does not speak the protocol of a server (${problem})`);
        this.warnings.say(address, `${address} broke the protocol: ${problem}`);
      },
      onProven: () => this.view.prove(address),
      onStranger: (problem) => {
        this.warnings.say(address, `${address}, reported by a server, is not used: ${problem}`);
      },
      onNamed: (serverId) => this.view.learn(address, serverId),
      onRetired: (retired) => {
        if (this.links.get(address) === retired) this.links.delete(address);
      },
      onClosed: (closed, reason) => {
        this.sockets.delete(closed);
        this.watchPauses();
        log?.('debug', `connection to ${address} ended: ${reason}`);
        if (this.sockets.size === 0) this.onAllClosed?.();
      },
    });
    this.links.set(address, link);
    this.sockets.add(link);
    this.watchPauses();
    return link;
  }
}
