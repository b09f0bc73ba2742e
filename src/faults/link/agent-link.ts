/** The controller's link to one fault agent: requests, keep-alive, clock offset and loss. */
import { type ClockOffset, closer, offsetBy } from '../../core/clock-offset';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { streamLines } from '../agent/lines';
import { MAX_LINE_CHARS, type Reply, SILENCE_MS, type Verb, type Verbs } from '../agent/protocol.pure';
import { refused } from '../refusal';
import type { Channel } from './channel';

/** Interval of the time requests that serve as a keep-alive, in milliseconds. */
const KEEPALIVE_MS = 5000;
const CLOCK_ROUNDS = 8;
/** Time for an agent to end after its heals, in milliseconds. */
const END_MS = 15_000;
const MAX_WORDS = 300;
const MAX_ERRORS_CHARS = 10_000;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class AgentLink {
  private readonly pending = new Map<number, Pending>();
  private readonly loss = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private lastId = 0;
  private errors = '';
  private heardMs: number;
  private isEnding = false;
  /** The reason of its end or loss; undefined while it is connected. */
  private gone: string | undefined;

  constructor(
    readonly host: string,
    private readonly channel: Channel,
    private readonly clock: Clock,
  ) {
    this.heardMs = clock.monotonicMs();
    streamLines(
      channel.output,
      MAX_LINE_CHARS,
      (line) => this.onLine(line),
      () => undefined,
    );
    channel.errors.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(0, MAX_ERRORS_CHARS);
    });
    void channel.ended.then((how) => this.lose(how));
    this.timer = setInterval(() => this.keepAlive(), KEEPALIVE_MS);
  }

  /** Aborted, with a text as its reason, when the agent is lost before `end` is called. */
  get lost(): AbortSignal {
    return this.loss.signal;
  }

  /** @throws ClusterError if the agent refuses, or is gone */
  ask<V extends Verb>(verb: V, fields: Verbs[V][0]): Promise<Verbs[V][1]> {
    if (this.isEnding) return Promise.reject(refused(`the fault agent on ${this.host} was told to end`));
    if (this.gone !== undefined) return Promise.reject(refused(this.gone));
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      this.channel.input.write(`${JSON.stringify({ ...fields, id, verb })}\n`);
    });
  }

  /** Measures the clock offset over several round trips; the shortest one counts. */
  async clockOffset(): Promise<ClockOffset> {
    let best: ClockOffset = { offsetMs: 0, uncertaintyMs: Infinity };
    for (let round = 0; round < CLOCK_ROUNDS; round++) {
      const beforeMs = this.clock.unixMs();
      const thereMs = await this.ask('time', {});
      best = closer(best, offsetBy(thereMs, beforeMs, this.clock.unixMs() - beforeMs));
    }
    return best;
  }

  /** Ends the agent, which heals its active faults; resolves when it has ended, or after a time limit. */
  async end(): Promise<void> {
    this.isEnding = true;
    clearInterval(this.timer);
    this.channel.input.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, END_MS)));
    await Promise.race([this.channel.ended, late]);
    clearTimeout(timer);
    this.channel.destroy();
  }

  private keepAlive(): void {
    const silentMs = this.clock.monotonicMs() - this.heardMs;
    if (silentMs > SILENCE_MS) {
      this.lose(`no answer for ${SILENCE_MS / 1000} s`);
      this.channel.destroy();
    } else this.ask('time', {}).catch(() => undefined);
  }

  private onLine(line: string): void {
    this.heardMs = this.clock.monotonicMs();
    const reply = replyOf(line);
    const pending = reply && this.pending.get(reply.id);
    if (!reply || !pending) return;
    this.pending.delete(reply.id);
    if ('ok' in reply) return pending.resolve(reply.ok);
    const { code, message } = reply.error;
    const text = printable(String(message), MAX_WORDS);
    pending.reject(new ClusterError(code === 'bug' ? 'internal' : 'not_reachable', text));
  }

  private lose(how: string): void {
    clearInterval(this.timer);
    const parts = [how, printable(gist(this.errors), MAX_WORDS)].filter((part) => part !== '');
    const text = (this.gone ??= `the fault agent on ${this.host} is gone: ${parts.join(': ')}`);
    for (const { reject } of this.pending.values()) reject(refused(text));
    this.pending.clear();
    if (!this.isEnding && !this.loss.signal.aborted) this.loss.abort(text);
  }
}

/** Picks the most informative line of a program's error output. */
function gist(errors: string): string {
  const lines = errors.split('\n').map((line) => line.trim());
  return lines.find((line) => /error/i.test(line)) ?? lines.filter((line) => line !== '').at(-1) ?? '';
}

/** Returns null for a line that is not a reply (such as a shell's greeting). */
function replyOf(line: string): Reply | null {
  try {
    const value: unknown = JSON.parse(line);
    const isReply = typeof value === 'object' && value !== null && 'id' in value && ('ok' in value || 'error' in value);
    return isReply ? (value as Reply) : null;
  } catch {
    return null;
  }
}
