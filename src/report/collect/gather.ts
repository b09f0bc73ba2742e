/** Collects the files of a report from all machines in parallel, and reports on each machine in order. */
import path from 'node:path';
import type { Clock, ClockLook } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { formatSshTarget, parsePlace } from '../../core/ssh-target';
import { type MachineNow, thisMachine } from './machine-now';
import { type Collected, collectLocal, failed, filesOf, type Place } from './collect';
import { type Fetched, RemoteCollection, type RemoteKind, safeName, type Wanted } from './collect-remote';
import { type Output, showStates } from './collect-screen';
import type { MachineClock } from '../report';
import { toMicros } from '../../core/to-micros';

/** Options for collecting from other machines. */
export interface RemoteOptions {
  /** The local folder for their files, with a subfolder for each place. */
  into: string;
  clock: Clock;
  /** Runs the collection with a signal that Ctrl-C aborts. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** The stream for progress; undefined to show none. */
  output?: Output;
}

export interface GatherOptions {
  /** Folders of client machines: paths, or `user@host:/path`, which the other places may be too. */
  metrics: readonly string[];
  faults: Place | null;
  events: readonly Place[];
  /** Required if any place is on another machine. */
  remote?: RemoteOptions;
  /** The clocks of this machine now. */
  here?: ClockLook;
  say(line: string): void;
}

/** All files, now local, and what is known about their machines. */
export interface Gathered {
  collected: Collected[];
  faults: Place | null;
  events: Place[];
  clocks: MachineClock[];
  /** Machines whose clocks could not be compared. */
  uncompared: string[];
  /** The boot time of each machine that reported it, including this one, by its current clock. */
  machines: MachineNow[];
  /** Problems besides those in `collected`. */
  missing: string[];
  notes: string[];
}

/** One place to collect from, and the texts that report on it. */
interface Step {
  source: string;
  head: string;
  what: string;
  /** Undefined if the place is local. */
  wanted?: Wanted;
  /** The result. */
  fetched?: Fetched;
  collected?: Collected;
}

/**
 * Local places are read in place.
 * @throws ClusterError `bad_usage` for an invalid place or a file that cannot be written, `interrupted`, `bad_config`
 * for an invalid ssh configuration
 */
export async function gather(options: GatherOptions): Promise<Gathered> {
  const { metrics, faults, events } = options;
  const here = thisMachine(options.here);
  const clients = metrics.map((source, index) => {
    const head = `[${index + 1}/${metrics.length}] Collecting from: ${printable(source, 4096)}`;
    return newStep('metrics', source, `${index + 1}`, { head, what: `metrics from machine ${index + 1}` }, options);
  });
  const servers = remoteSteps('events', events, options);
  const faultSteps = remoteSteps('faults', faults === null ? [] : [faults], options);
  const local = clients.filter(({ wanted }) => wanted === undefined);
  const found = collectLocal(local.map(({ source }) => source));
  local.forEach((step, index) => (step.collected = found[index]));
  refuseTwice(clients);
  const steps = [...clients, ...servers, ...faultSteps];
  await fetchAll(steps, options);
  const missing = [...servers, ...faultSteps].flatMap(({ source, fetched }) =>
    fetched!.problem === null ? [] : [`${source}: ${fetched!.problem}`],
  );
  return {
    collected: clients.map((step) => step.collected ?? collectedOf(step)),
    faults: faultSteps.length > 0 ? (placesOf(faultSteps)[0] ?? null) : faults,
    events: [...events.filter(({ path: place }) => parsePlace(place) === null), ...placesOf(servers)],
    missing: [...missing, ...steps.flatMap(({ fetched }) => fetched?.missing ?? [])],
    ...clocksOf(steps, here),
  };
}

function newStep(
  kind: RemoteKind,
  source: string,
  number: string,
  words: Pick<Step, 'head' | 'what'>,
  { remote }: GatherOptions,
): Step {
  const place = parsePlace(source);
  if (place === null) return { source, ...words };
  if ('problem' in place) throw new ClusterError('bad_usage', place.problem);
  if (remote === undefined) throw new ClusterError('bad_usage', `expected a local path, got "${source}"`);
  return {
    source,
    ...words,
    wanted: { kind, place, into: path.join(remote.into, `${number}_${safeName(place.target.host)}`) },
  };
}

/** Creates steps for the places on other machines; local ones need none. */
function remoteSteps(kind: 'events' | 'faults', places: readonly Place[], options: GatherOptions): Step[] {
  const sources = places.map((place) => place.path).filter((place) => parsePlace(place) !== null);
  return sources.map((source, index) => {
    const number = kind === 'events' ? `[${index + 1}/${sources.length}] ` : '';
    const head = `${number}Collecting ${kind} from: ${printable(source, 4096)}`;
    const what = kind === 'events' ? `events from server machine ${index + 1}` : 'faults';
    return newStep(kind, source, kind === 'events' ? `events_${index + 1}` : 'faults', { head, what }, options);
  });
}

/** Rejects remote folders that are named twice, which would count twice; `collectLocal` does so for local ones. */
function refuseTwice(clients: readonly Step[]): void {
  const seen = new Set<string>();
  for (const step of clients) {
    if (step.wanted === undefined) continue;
    const key = JSON.stringify(step.wanted.place);
    if (seen.has(key)) step.collected = failed(step.source, 'is the same folder as an earlier one');
    seen.add(key);
  }
}

/** Stores the result of each step, and reports them in order. */
async function fetchAll(steps: readonly Step[], { remote, say }: GatherOptions): Promise<void> {
  const waiting = [...steps];
  const held: string[] = [];
  const bars = remote?.output?.isTTY === true;
  // Lines come in the order of the steps, and are held back while bars are shown.
  const tellReady = (): void => {
    while (waiting[0] && problemOf(waiting[0]) !== undefined) {
      for (const line of linesOf(waiting.shift()!))
        if (bars) held.push(line);
        else say(line);
    }
  };
  const wanted = steps.filter((step) => step.wanted !== undefined && step.collected === undefined);
  tellReady();
  if (wanted.length === 0) return;
  await remote!.interruptible(async (signal) => {
    const onFetched = (index: number, fetched: Fetched): void => {
      wanted[index]!.fetched = fetched;
      tellReady();
    };
    const { clock, output } = remote!;
    const collection = new RemoteCollection(
      wanted.map((step) => step.wanted!),
      { clock, signal, onFetched },
    );
    const stop = showStates(collection.states, output, say);
    try {
      await collection.run();
    } finally {
      stop();
      for (const line of held) say(line);
    }
  });
}

/** Returns undefined if the result is not known yet. */
function problemOf({ collected, fetched }: Step): string | null | undefined {
  return collected === undefined ? fetched?.problem : collected.problem;
}

function linesOf(step: Step): string[] {
  const problem = problemOf(step);
  if (problem === null) return [step.head, `  ✓ Successfully collected ${step.what}`];
  return [step.head, `  ✗ Failed to collect ${step.what}: ${printable(problem!, 1500)}`];
}

function collectedOf({ source, fetched, wanted }: Step): Collected {
  const { problem, files } = fetched!;
  if (problem !== null) return failed(source, problem);
  const names = files.map((file) => path.basename(file));
  const collected = filesOf(source, names, (name) => path.join(wanted!.into, name));
  return { ...collected, offsetMs: offsetOf(fetched!) };
}

function placesOf(steps: readonly Step[]): Place[] {
  return steps.flatMap(({ fetched }) =>
    fetched!.files.map((file) => ({ path: file, required: true, offsetMs: offsetOf(fetched!) })),
  );
}

function offsetOf({ clock }: Fetched): number {
  return clock === null ? 0 : clock.offsetMs;
}

/** Returns one clock for each machine, even if several places are on it. */
function clocksOf(
  steps: readonly Step[],
  here: MachineNow | null,
): Pick<Gathered, 'clocks' | 'uncompared' | 'machines' | 'notes'> {
  const machines = steps.flatMap(({ fetched }) => {
    const { start = null, offsetMs = 0 } = fetched?.clock ?? {};
    return start === null ? [] : [{ ...start, offsetMs }];
  });
  const clocks = new Map<string, MachineClock | null>();
  for (const { wanted, fetched } of steps) {
    if (fetched === undefined || fetched.problem !== null) continue;
    const machine = formatSshTarget(wanted!.place.target);
    const { clock } = fetched;
    clocks.set(
      machine,
      clock && { machine, offset_ms: toMicros(clock.offsetMs), uncertainty_ms: toMicros(clock.uncertaintyMs) },
    );
  }
  const uncompared = [...clocks].filter(([, clock]) => clock === null).map(([machine]) => machine);
  return {
    clocks: [...clocks.values()].filter((clock) => clock !== null),
    uncompared,
    machines: here === null ? machines : [...machines, here],
    notes: uncompared.map((machine) => `The clock of ${machine} could not be compared: its times are used uncorrected`),
  };
}
