import type { Compared, Settings } from '../../../src/report/compare/comparison';
import { differencesOf } from '../../../src/report/compare/differences';
import { sampleReport } from '../render/sample';

const metadata = { version: '1.0.0', node_version: 'v24.0.0', host: 'lab1', cores: 8, seed: 7 };

function withLoads(...configs: object[]): Compared {
  const loads: Settings[] = configs.map((config) => ({ ...metadata, config }));
  return { ...sampleReport(), run: undefined, loads };
}

function lines(a: Compared, b: Compared): string[] {
  return differencesOf(a, b).map((each) => `${each.what}: ${each.a} → ${each.b}`);
}

test('settings are compared by name, nested tables too', () => {
  const a = withLoads({ num_clients: 10, requests: { rate: 5 }, images: ['a.png'], only_a: true });
  const b = withLoads({ num_clients: 100, requests: { rate: 5.5 }, images: ['a.png'] });
  expect(lines(a, b)).toEqual(['num_clients: 10 → 100', 'requests.rate: 5 → 5.5', 'only_a: true → null']);
});

test('output paths and expectations are no differences', () => {
  const a = withLoads({ metrics_output_dir: 'x', run: { output_dir: 'x' }, report: { thresholds: ['p99<1s'] } });
  const b = withLoads({ metrics_output_dir: 'y', run: { output_dir: 'y' }, report: { thresholds: [] } });
  expect(lines(a, b)).toEqual([]);
});

test('several machines are compared one by one', () => {
  const [a, b] = [withLoads({ num_clients: 1 }, { num_clients: 2 }), withLoads({ num_clients: 1 }, { num_clients: 3 })];
  expect(lines(a, b)).toEqual(['machine 2: num_clients: 2 → 3']);
});

test('version, host, cores and seed count', () => {
  const a = withLoads({});
  const b = { ...a, loads: [{ ...metadata, version: '1.1.0', cores: 4, seed: 8, config: {} }] };
  expect(lines(a, b)).toEqual(['version: 1.0.0 → 1.1.0', 'cores: 8 → 4', 'seed: 7 → 8']);
});

test('for two runs of `run` its settings are compared; with one of `stress`, only the load', () => {
  const run = { ...metadata, config: { faults: { num_cycles: 3 } } };
  const whole = { ...withLoads({ num_clients: 10 }), run };
  const other = { ...whole, run: { ...run, config: { faults: { num_cycles: 1 } } } };
  expect(lines(whole, other)).toEqual(['faults.num_cycles: 3 → 1']);
  expect(lines(whole, withLoads({ num_clients: 20 }))).toEqual(['num_clients: 10 → 20']);
});

test('without settings, properties of requests and faults are compared', () => {
  const a = { ...withLoads(), server_distribution: { '1': 5, '2': 5 } };
  const b = { ...withLoads(), faults: [], duration_secs: 300, images: [{ image: 'x.png' }], warmup_secs: 10 };
  const found = lines(a, { ...b, server_distribution: { '1': 10 } });
  expect(found.map((line) => line.split(':')[0])).toEqual([
    ...['images', 'servers that answered', 'faults', 'warm-up', 'duration'],
  ]);
  expect(found).toContain('faults: 3 × kill → none');
  expect(found).toContain('servers that answered: 1, 2 → 1');
  expect(found).toContain('warm-up: 3 s → 10 s');
});

test('a run without settings causes no line per setting', () => {
  expect(lines(withLoads({ num_clients: 10, rate: 3 }), withLoads())).toEqual([]);
});

test('hostile settings are truncated, and shown as text', () => {
  let deep: object = { end: 1 };
  for (let i = 0; i < 5000; i++) deep = { deep };
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`key${at}`, at]));
  const bad = withLoads({
    ...many,
    deep,
    '\u001b[2J': '\u001b[31m'.repeat(1000),
    ...JSON.parse('{"__proto__":{"x":1}}'),
  });
  const found = differencesOf(withLoads({}), bad);
  expect(found.length).toBe(50);
  const shown = lines(withLoads({}), withLoads({ '\u001b[2J': '\u001b[31m'.repeat(1000) })).join();
  expect(shown).toContain('\\u001b[2J');
  expect(shown).not.toContain('\u001b');
  expect(shown.length).toBeLessThan(200);
});
