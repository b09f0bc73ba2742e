import { isProgram } from './steps';

/** The verbs that end a fault, by those that begin it; a fault without one is over at once. */
const ENDS: Record<string, string> = {
  kill: 'restart',
  'power-off': 'restart',
  terminate: 'restart',
  pause: 'resume',
  cut: 'heal',
  block: 'heal',
  slow: 'heal',
  starve: 'heal',
  corrupt: 'corrupt off',
};
/** The checker must know these settings of the world, or no world is without them. */
const NEEDED = ['seed', 'servers', 'one-way'];
/** Times are made rounder in this order, in ms. */
const ROUND_MS = [1000, 100, 10, 1, 0.1];
/** No heal is moved nearer to its fault than this. */
const SHORTEST_MS = 1;

interface Step {
  atMs: number;
  text: string;
}

/** A fault from its first step to the one that ends it, if any. */
interface Fault extends Step {
  end: Step | null;
}

interface Plan {
  settings: string[];
  faults: Fault[];
  /** They stay where they are: a shorter run would fail because it has no time. */
  expects: Step[];
}

/**
 * Returns the smallest script found that still fails: fewest faults first, then a smaller world, then shorter faults at
 * rounder times. A fault is left out with its end, so no server stays dead and no link cut because of what was left out.
 *
 * @param fails whether a script fails as the whole one does; it is asked again and again
 */
export function shrink(script: readonly string[], fails: (script: readonly string[]) => boolean): string[] {
  const holdsPlan = (plan: Plan): boolean => fails(scriptOf(plan));
  let plan = planOf(script);
  if (!holdsPlan(plan)) return [...script];
  for (let before = ''; before !== scriptOf(plan).join('\n');) {
    before = scriptOf(plan).join('\n');
    const whole = plan;
    const faults = minimal(plan.faults, (kept) => holdsPlan({ ...whole, faults: kept }));
    plan = simplified({ ...plan, faults }, holdsPlan);
  }
  return scriptOf(plan);
}

/** Delta debugging: leaves out ever smaller parts, until no single item can be left out. */
export function minimal<T>(items: readonly T[], fails: (items: T[]) => boolean): T[] {
  if (fails([])) return [];
  let kept = [...items];
  for (let size = Math.ceil(kept.length / 2); size >= 1;) {
    const before = kept.length;
    for (let from = 0; from < kept.length;) {
      const rest = kept.toSpliced(from, size);
      if (rest.length < kept.length && fails(rest)) kept = rest;
      else from += size;
    }
    if (size === 1 && kept.length === before) break;
    size = Math.min(Math.ceil(size / 2), Math.max(1, kept.length));
  }
  return kept;
}

/** Takes each simpler plan that still fails; what has become possible meanwhile waits for the next time. */
function simplified(plan: Plan, fails: (plan: Plan) => boolean): Plan {
  let simplest = plan;
  for (let index = 0, all = candidates(plan); index < all.length;) {
    const next = all[index]!();
    if (fails(next)) all = candidates((simplest = next));
    else index += 1;
  }
  return simplest;
}

/** The plans that are one step simpler, the greatest steps first. */
function candidates(plan: Plan): (() => Plan)[] {
  const { settings, faults } = plan;
  const withSettings = (index: number, ...lines: string[]) => ({
    ...plan,
    settings: settings.toSpliced(index, 1, ...lines),
  });
  const withFault = (index: number, fault: Fault) => ({ ...plan, faults: faults.with(index, fault) });
  return [
    ...serverIds(plan).flatMap((id) => {
      const smaller = withoutServer(plan, id);
      return smaller === null ? [] : [() => smaller];
    }),
    ...settings.flatMap((line, index) => [
      ...(NEEDED.includes(verbOf(line)) ? [] : [() => withSettings(index)]),
      ...smallerLoads(line).map((load) => () => withSettings(index, load)),
    ]),
    ...faults.flatMap((fault, index) => simplerFaults(fault).map((simpler) => () => withFault(index, simpler))),
  ];
}

function smallerLoads(line: string): string[] {
  const [, ...sizes] = /^clients (\d+) tasks (\d+) at once (\d+)$/.exec(line) ?? [];
  const numbers = sizes.map(Number);
  return numbers.flatMap((value, index) =>
    [...new Set([1, Math.floor(value / 2), value - 1])]
      .filter((smaller) => smaller >= 1 && smaller < value)
      .map((smaller) => numbers.with(index, smaller))
      .map(([clients, tasks, atOnce]) => `clients ${clients} tasks ${tasks} at once ${atOnce}`),
  );
}

/** With fewer hosts, for a shorter time, and at a rounder one. */
function simplerFaults(fault: Fault): Fault[] {
  const { atMs, text, end } = fault;
  const names = text.split(' ')[3]?.split(',') ?? [];
  const hasNames = /^(cut|block) /.test(text) && names.length > 1;
  const fewer = hasNames ? names.map((_, index) => withNames(text, names.toSpliced(index, 1))) : [];
  const halfMs = end === null ? 0 : Math.ceil((end.atMs - atMs) / 2);
  return [
    ...fewer.map((shorter) => ({ ...fault, text: shorter })),
    ...(end !== null && halfMs >= SHORTEST_MS && halfMs < end.atMs - atMs
      ? [{ ...fault, end: { ...end, atMs: atMs + halfMs } }]
      : []),
    ...rounder(atMs).map((ms) => ({ ...fault, atMs: ms, end: end && { ...end, atMs: ms + end.atMs - atMs } })),
    // Only earlier, or the halves and the round times could take turns for ever.
    ...(end === null ? [] : rounder(end.atMs))
      .filter((ms) => ms > atMs && ms < end!.atMs)
      .map((ms) => ({ ...fault, end: { ...end!, atMs: ms } })),
  ];
}

/** Returns rounder times than this, the roundest first; none that is as round, so that it comes to an end. */
function rounder(ms: number): number[] {
  const units = ROUND_MS.filter((unit) => !isMultiple(ms, unit));
  const own = ROUND_MS.find((unit) => isMultiple(ms, unit)) ?? 0;
  return units.filter((unit) => unit > own).map((unit) => Number((Math.round(ms / unit) * unit).toFixed(1)));
}

function isMultiple(ms: number, unit: number): boolean {
  return Number((Math.round(ms / unit) * unit).toFixed(1)) === ms;
}

function serverIds({ settings }: Plan): number[] {
  const servers = Number(settings.find((line) => verbOf(line) === 'servers')?.split(' ')[1] ?? 3);
  return Array.from({ length: servers }, (_, index) => index + 1);
}

/** Returns the plan without a server, those above it one lower; null if a fault or an expectation is of it alone. */
function withoutServer(plan: Plan, id: number): Plan | null {
  const ids = serverIds(plan);
  const isExpected = plan.expects.some(({ text }) => / follows? /.test(text));
  if (ids.length === 1 || isExpected) return null;
  const lower = (each: string): string => String(Number(each) > id ? Number(each) - 1 : Number(each));
  const step = (text: string): string | null => stepWithout(text, id, lower);
  const faults = plan.faults.map(({ atMs, text, end }) => {
    const [first, last] = [step(text), end && step(end.text)];
    return first === null ? null : { atMs, text: first, end: end && last !== null ? { ...end, text: last } : null };
  });
  if (faults.includes(null)) return null;
  const settings = plan.settings.flatMap((line) => {
    const [key, ...words] = line.split(' ');
    if (key === 'servers') return [`servers ${ids.length - 1}`];
    if (key === 'start') return [`start ${words.toSpliced(id - 1, 1).join(' ')}`];
    if (key !== 'timings' || words[0] !== 'of') return [line];
    return Number(words[1]) === id ? [] : [`timings of ${lower(words[1]!)} ${words.slice(2).join(' ')}`];
  });
  return { ...plan, settings, faults: faults as Fault[] };
}

function stepWithout(text: string, id: number, lower: (id: string) => string): string | null {
  const [verb = '', ...words] = text.split(' ');
  const own = verb === 'drop' ? words : words.slice(0, 1);
  if (own.includes(String(id))) return null;
  const named = [verb, ...own.map((each) => (isProgram(each) ? each : lower(each))), ...words.slice(own.length)].join(
    ' ',
  );
  if (verb !== 'cut' && verb !== 'block') return named;
  const names = words[2]!.split(',').filter((name) => name !== `server${id}`);
  if (names.length === 0) return null;
  return withNames(
    named,
    names.map((name) => name.replace(/^server(\d+)$/, (_, each: string) => `server${lower(each)}`)),
  );
}

function withNames(text: string, names: readonly string[]): string {
  return text.split(' ').with(3, names.join()).join(' ');
}

/** Reads a script; each fault has the next step that ends one of its kind, which several can share. */
function planOf(script: readonly string[]): Plan {
  const steps = script
    .filter((line) => line.startsWith('at '))
    .map((line) => {
      const [, atMs, ...words] = line.split(' ');
      return { atMs: Number(atMs), text: words.join(' ') };
    });
  const acts = steps.filter(({ text }) => verbOf(text) !== 'expect');
  const expects = steps.filter(({ text }) => verbOf(text) === 'expect');
  const faults = acts.flatMap((step, index) => {
    const [verb = '', id] = step.text.split(' ');
    if (['restart', 'resume', 'heal'].includes(verb) || step.text.endsWith(' off')) return [];
    const wanted = ENDS[verb] === 'corrupt off' ? `corrupt ${id} off` : `${ENDS[verb]} ${id}`;
    return [{ ...step, end: acts.slice(index + 1).find(({ text }) => text === wanted) ?? null }];
  });
  return { settings: script.filter((line) => !line.startsWith('at ')), faults, expects };
}

function scriptOf({ settings, faults, expects }: Plan): string[] {
  const all = faults.flatMap(({ atMs, text, end }) => [{ atMs, text }, ...(end === null ? [] : [end])]);
  const steps = all
    .filter((step, index) => index === all.findIndex(({ atMs, text }) => atMs === step.atMs && text === step.text))
    .concat(expects)
    .sort((a, b) => a.atMs - b.atMs);
  return [...settings, ...steps.map(({ atMs, text }) => `at ${atMs} ${text}`)];
}

function verbOf(text: string): string {
  return text.split(' ')[0]!;
}
