/** The warm-up is described in one way, wherever a user reads of it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '..', '..');
const RULE = /leaves? requests due in (this time|the first SECS) out of totals, thresholds and baseline/;

test.each(['config/run.toml', 'config/stress.toml', 'docs/configuration.md', 'docs/stress-testing.md'])(
  '%s',
  (file) => {
    const lines = readFileSync(path.join(ROOT, file), 'utf8').split('\n');
    const told = lines.filter((line) => /warmup(_secs)?( = |` \||=SECS`|\sSECS`:)/.test(line));
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((line) => !RULE.test(line))).toEqual([]);
  },
);
