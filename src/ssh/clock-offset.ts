import type { ClientChannel } from 'ssh2';
import type { Clock } from '../core/environment';
import type { Ssh } from './ssh';

/** How far a machine's clock is ahead of this one's, in milliseconds; it may be off by the uncertainty either way. */
export interface ClockOffset {
  offsetMs: number;
  uncertaintyMs: number;
}

const ROUND_TRIPS = 12;
const TIMEOUT_MS = 5000;
const MAX_OTHER_LINES = 100;
/** One program for all round trips: to begin one takes longer than the answer. */
const SCRIPT = `case $(date +%N) in
*[!0-9]*|'')
  if perl -MTime::HiRes -e 1 2>/dev/null; then
    exec perl -MTime::HiRes=time -e '$|=1; while (<STDIN>) { printf "%.6f\\n", time }'
  elif python3 -c 1 2>/dev/null; then
    exec python3 -c 'import sys, time
while sys.stdin.readline(): print("%.6f" % time.time(), flush=True)'
  fi
  while read -r line; do date +%s; done ;;
*) while read -r line; do date +%s.%N; done ;;
esac`;

/**
 * Asks a machine for its time again and again, and takes the shortest round trip: halfway through it the clock there was
 * read, or at most half of it earlier or later. null: it could not be told.
 */
export async function measureClock(ssh: Ssh, clock: Clock): Promise<ClockOffset | null> {
  const channel = await ssh.start(['sh', '-c', SCRIPT]);
  const timer = setTimeout(() => channel.close(), TIMEOUT_MS);
  const answers = linesOf(channel);
  let best: ClockOffset | null = null;
  try {
    for (let n = 0; n < ROUND_TRIPS; n++) {
      const askedMs = clock.unixMs();
      channel.write('\n');
      const answer = await nextTime(answers);
      if (answer === null) break;
      const offset = offsetOf(answer, askedMs, clock.unixMs());
      if (best === null || offset.uncertaintyMs < best.uncertaintyMs) best = offset;
    }
  } finally {
    clearTimeout(timer);
    channel.end();
  }
  return best;
}

/** A time in seconds, and how exactly it was told. */
interface Time {
  secs: number;
  fractionMs: number | null;
}

/** The next line that is a time; what a login shell says before is passed over. null: it says no more, or too much. */
async function nextTime(lines: AsyncGenerator<string>): Promise<Time | null> {
  for (let n = 0; n < MAX_OTHER_LINES; n++) {
    const { value: line } = await lines.next();
    if (line === undefined) return null;
    const [, secs, fraction] = /^(\d{9,11})(?:\.(\d{1,9}))?$/.exec(line) ?? [];
    if (secs === undefined) continue;
    return { secs: Number(secs), fractionMs: fraction === undefined ? null : Number(`0.${fraction}`) * 1000 };
  }
  return null;
}

function offsetOf({ secs, fractionMs }: Time, askedMs: number, heardMs: number): ClockOffset {
  const halfMs = (heardMs - askedMs) / 2;
  // Whole seconds mean somewhere in this second.
  const thereMs = secs * 1000 + (fractionMs ?? 500);
  return { offsetMs: thereMs - (askedMs + halfMs), uncertaintyMs: halfMs + (fractionMs === null ? 500 : 0) };
}

const MAX_LINE_CHARS = 10_000;

async function* linesOf(channel: ClientChannel): AsyncGenerator<string> {
  let rest = '';
  channel.stderr.resume();
  channel.on('error', () => undefined);
  try {
    for await (const chunk of channel as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop()!;
      yield* lines;
      if (rest.length > MAX_LINE_CHARS) return;
    }
  } catch {
    // A channel that ends in its middle says no more.
  }
}
