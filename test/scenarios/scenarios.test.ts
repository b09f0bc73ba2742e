import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { coalesced } from './coalesced';
import { formatScenario, parseScenario, runScenario } from './scenario';

/** UPDATE_SCENARIOS=1 rewrites the traces: see CONTRIBUTING. */
const update = process.env.UPDATE_SCENARIOS === '1';
/** A longer trace hides what matters. */
const MAX_LINES = 200;
const files = readdirSync(__dirname).filter((name) => name.endsWith('.scenario'));

test('there are scenarios', () => expect(files.length).toBeGreaterThan(10));

test('a stretch of tasks is one line, which any change in it changes; what else happens to a task is shown', () => {
  const task = (timeMs: number, what: string): string => `${timeMs.toFixed(3).padStart(11)} server2 ${what}`;
  const stretch = [1, 2, 3, 4].map((id) => task(id, `assigned term=1 to=3 run_id=sim client_name=a request_id=${id}`));
  const lost = task(5, 'executed run_id=sim client_name=a request_id=4 outcome=cancelled incarnation=f');
  const [line, ...rest] = coalesced([...stretch, lost]);
  expect(line).toMatch(/^ {6}1\.000 to 4\.000 4 assigned by 2 to 3 \(4 lines, [0-9a-f]{12}\)$/);
  expect(rest).toEqual([lost]);
  const other = stretch.with(2, stretch[2]!.replace('request_id=3', 'request_id=9'));
  expect(coalesced([...other, lost])[0]).not.toBe(line);
  expect(coalesced(stretch.slice(1))).toEqual(stretch.slice(1));
});

test.each(files)('%s', (name) => {
  const file = path.join(__dirname, name);
  const text = readFileSync(file, 'utf8');
  expect(text.split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  const scenario = parseScenario(text);
  const { trace: whole, failures } = runScenario(scenario.script);
  const trace = coalesced(whole);
  expect(failures).toEqual([]);
  if (update) writeFileSync(file, formatScenario({ ...scenario, trace }));
  else expect(trace).toEqual(scenario.trace);
});
