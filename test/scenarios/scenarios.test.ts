import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatScenario, parseScenario, runScenario } from './scenario';

/** UPDATE_SCENARIOS=1 writes the traces anew; read the difference before you commit it. */
const update = process.env.UPDATE_SCENARIOS === '1';
const files = readdirSync(__dirname).filter((name) => name.endsWith('.scenario'));

test('there are scenarios', () => expect(files.length).toBeGreaterThan(10));

test.each(files)('%s', (name) => {
  const file = path.join(__dirname, name);
  const scenario = parseScenario(readFileSync(file, 'utf8'));
  const { trace, failures } = runScenario(scenario.script);
  expect(failures).toEqual([]);
  if (update) writeFileSync(file, formatScenario({ ...scenario, trace }));
  else expect(trace).toEqual(scenario.trace);
});
