import { formatScenario, parseScenario, runScenario } from '../scenarios/scenario';
import { minimal, shrink } from './shrink';
import { simulate } from './simulation';

test('delta debugging finds the items that matter, wherever they are', () => {
  const items = Array.from({ length: 40 }, (_, index) => index);
  for (const wanted of [[], [0], [39], [3, 17], [0, 20, 39], items]) {
    let runs = 0;
    const found = minimal(items, (kept) => {
      runs += 1;
      return wanted.every((each) => kept.includes(each));
    });
    expect(found).toEqual(wanted);
    expect(runs).toBeLessThan(200);
  }
});

/** A broken rule: no server may be killed while another one is paused. */
function breaks(script: readonly string[]): boolean {
  const { trace } = runScenario(script);
  const paused = new Set<string>();
  return trace.some((line) => {
    const [, what, name = ''] = /\*\*\* (\w+) (server\d+)/.exec(line) ?? [];
    if (what === 'pause') paused.add(name);
    if (what === 'resume' || what === 'restart') paused.delete(name);
    return what === 'kill' && [...paused].some((each) => each !== name);
  });
}

test.each([124, 216])(
  'seed %i shrinks to the faults that matter in the smallest world, and fails as it did',
  (seed) => {
    const { script } = simulate(seed);
    expect(script.filter((line) => line.startsWith('at ')).length).toBeGreaterThan(10);
    expect(breaks(script)).toBe(true);
    const smallest = shrink(script, breaks);
    expect(breaks(smallest)).toBe(true);
    const verbs = smallest.filter((line) => line.startsWith('at ')).map((line) => line.split(' ')[2]!);
    expect(verbs.map((verb) => verb.replace('power-off', 'kill')).toSorted()).toEqual([
      'expect',
      'kill',
      'pause',
      'restart',
      'resume',
    ]);
    expect(smallest.slice(0, 2)).toEqual([script[0], 'servers 2']);
    expect(smallest.some((line) => line.startsWith('clients'))).toBe(false);
    expect(shrink(smallest, breaks)).toEqual(smallest);
    const printed = formatScenario({ title: ['# It fails.'], script: smallest, trace: runScenario(smallest).trace });
    expect(parseScenario(printed).script).toEqual(smallest);
  },
);

test('what does not fail stays as it is, and no fault is without its end', () => {
  const { script } = simulate(42);
  expect(shrink(script, () => false)).toEqual(script);
  const stays = [
    'seed 1',
    'servers 3',
    'at 10 kill 1',
    'at 20 cut 2 from server3 silent both',
    'at 30 restart 1',
    'at 40 heal 2',
  ];
  const tries: string[] = [];
  shrink(stays, (each) => {
    const text = each.join('\n');
    tries.push(text);
    return text === stays.join('\n');
  });
  expect(tries.length).toBeGreaterThan(5);
  for (const text of tries) {
    expect(text.includes('kill')).toBe(text.includes('restart'));
    expect(text.includes('cut')).toBe(text.includes('heal'));
  }
});
