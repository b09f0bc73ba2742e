// npm run laws [-- --pairs N --seed N --secs N]   counts counterexamples by law and figure
// npm run laws -- --examples FILE                also shrinks one of each figure that breaks one, a line each
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { parseArgs } from 'node:util';
import { countAll, type Counted, type Found, runThread } from './count';
import { shrunken } from './shrink';

async function main(program: string): Promise<void> {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      secs: { type: 'string', default: '86400' },
      examples: { type: 'string' },
    },
  });
  const startMs = performance.now();
  const counted = await countAll(program, Number(values.seed), Number(values.pairs), Number(values.secs));
  const secs = (performance.now() - startMs) / 1000;
  const found = [...counted.found.values()].sort((a, b) => a.law - b.law || b.count - a.count);
  const surprises = found.filter((each) => !each.isExempt);
  for (const each of found) console.log(line(each, counted));
  const total = counted.pairs[1] + counted.pairs[2];
  const speed = `${secs.toFixed(0)} s, ${(total / secs).toFixed(0)} pairs/s`;
  console.log(
    `${total} pairs from seed ${values.seed} (${counted.pairs[1]} of law 1, ${counted.pairs[2]} of law 2), ${speed}`,
  );
  console.log(`${surprises.length} figures break a law`);
  if (values.examples !== undefined) await writeExamples(values.examples, surprises);
  process.exitCode = surprises.length > 0 ? 1 : 0;
}

async function writeExamples(file: string, found: readonly Found[]): Promise<void> {
  const lines: string[] = [];
  for (const each of found) lines.push(`${JSON.stringify(await shrunken(each))}\n`);
  writeFileSync(file, lines.join(''));
}

function line(found: Found, { pairs }: Counted): string {
  const { law, figure, count, seed, isExempt } = found;
  const mark = isExempt ? 'exempt' : 'BROKEN';
  return `law ${law}  ${figure.padEnd(32)} ${String(count).padStart(7)} of ${pairs[law]}  first seed ${seed}  ${mark}`;
}

if (isMainThread) void main(__filename);
else void runThread();
