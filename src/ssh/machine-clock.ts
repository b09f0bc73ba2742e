/** Measures the offset of another machine's clock over SSH, and the time of its last boot. */
import type { ClientChannel } from 'ssh2';
import { type ClockOffset, closer, offsetBy } from '../core/clock-offset';
import type { Clock } from '../core/environment';
import type { Ssh } from './ssh';

/** The clock of another machine. */
export interface MachineClock extends ClockOffset {
  /** Its last boot: the id, and the time by its own current clock; null without /proc. */
  start: { bootId: string; startMs: number } | null;
}

const ROUND_TRIPS = 12;
const TIMEOUT_MS = 5000;
const MAX_OTHER_LINES = 100;
/** One program for all round trips: starting it takes longer than an answer. */
const SCRIPT = `case $(date +%N) in
*[!0-9]*|'')
  if perl -MTime::HiRes -e 1 2>/dev/null; then
    exec perl -MTime::HiRes=time -e '$|=1; while (<STDIN>) { printf "%.6f\\n", time }'
  elif python3 -c 1 2>/dev/null; then
    exec python3 -c 'import sys, time
while sys.stdin.readline(): print("%.6f" % time.time(), flush=True)'
  fi
  while read -r line; do date +%s; done ;;
*) read -r boot </proc/sys/kernel/random/boot_id
  echo "machine $boot $(readlink /proc/self/ns/time)"
  while read -r line; do
    read -r up idle </proc/uptime
    echo "$(date +%s.%N) $up"
  done ;;
esac`;

/** Asks a machine for its time repeatedly, and takes the shortest round trip. Returns null if it does not answer. */
export async function measureClock(ssh: Ssh, clock: Clock): Promise<MachineClock | null> {
  const machine: { bootId: string | null; startMs: number } = { bootId: null, startMs: Infinity };
  const channel = await ssh.start(['sh', '-c', SCRIPT]);
  const timer = setTimeout(() => channel.close(), TIMEOUT_MS);
  const answers = linesOf(channel);
  let best: ClockOffset | null = null;
  try {
    for (let n = 0; n < ROUND_TRIPS; n++) {
      const [wallMs, askedMs] = [clock.wallMs(), clock.monotonicMs()];
      channel.write('\n');
      const answer = await nextTime(answers, (bootId) => (machine.bootId = bootId));
      if (answer === null) break;
      best = closer(best, offsetOf(answer, wallMs, clock.monotonicMs() - askedMs));
      // The uptime is read first, and truncated: of several readings the earliest boot is the most exact.
      if (answer.upMs !== null) machine.startMs = Math.min(machine.startMs, unixMsOf(answer) - answer.upMs);
    }
  } finally {
    clearTimeout(timer);
    channel.end();
  }
  const { bootId, startMs } = machine;
  return best && { ...best, start: bootId === null || startMs === Infinity ? null : { bootId, startMs } };
}

/** A time in whole seconds, and the fraction; null if the machine shows none. */
interface Time {
  secs: number;
  fractionMs: number | null;
  /** The uptime of the machine; null if unknown. */
  upMs: number | null;
}

const MACHINE = /^machine ([0-9a-f-]{36}) (?:time:\[(\d+)\])?$/;
const TIME = /^(\d{9,11})(?:\.(\d{1,9}))?(?: (\d{1,10}\.\d{1,3})?)?$/;

/** Returns the next line that is a time, skipping a login shell's output; null at the end, or if there is too much. */
async function nextTime(lines: AsyncGenerator<string>, onMachine: (bootId: string) => void): Promise<Time | null> {
  for (let n = 0; n < MAX_OTHER_LINES; n++) {
    const { value: line } = await lines.next();
    if (line === undefined) return null;
    // The format of `Clock.look`.
    const [, boot, counter] = MACHINE.exec(line) ?? [];
    if (boot !== undefined) onMachine(counter === undefined ? boot : `${boot}/${counter}`);
    const [, secs, fraction, up] = TIME.exec(line) ?? [];
    if (secs === undefined) continue;
    return {
      secs: Number(secs),
      fractionMs: fraction === undefined ? null : Number(`0.${fraction}`) * 1000,
      upMs: up === undefined ? null : Number(up) * 1000,
    };
  }
  return null;
}

function offsetOf(time: Time, askedMs: number, tripMs: number): ClockOffset {
  const { offsetMs, uncertaintyMs } = offsetBy(unixMsOf(time), askedMs, tripMs);
  return { offsetMs, uncertaintyMs: uncertaintyMs + (time.fractionMs === null ? 500 : 0) };
}

/** A time in whole seconds may be anywhere in that second. */
function unixMsOf({ secs, fractionMs }: Time): number {
  return secs * 1000 + (fractionMs ?? 500);
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
    // A channel that ends in the middle gives no more lines.
  }
}
