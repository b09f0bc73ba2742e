// npm run fuzz -- --secs 3600 [--seed N] [--from ATTACK]: exit code 1 if it found something.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz';

const { values } = parseArgs({
  options: {
    secs: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
  },
});

/** Ends the servers with this process. */
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

async function main(): Promise<void> {
  const [secs, seed, from] = [Number(values.secs), Number(values.seed), Number(values.from)];
  console.log(`seed ${seed}, ${secs} s`);
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-fuzz-'));
  let saidMs = -Infinity;
  const onProgress = (text: string): void => {
    if (performance.now() - saidMs < 10_000) return;
    saidMs = performance.now();
    console.log(text);
  };
  try {
    const { findings, ...figures } = await fuzz({ secs, seed, from, folder, onProgress, signal: interrupted.signal });
    console.log(JSON.stringify(figures));
    for (const finding of findings) console.log(`FOUND: ${finding}`);
    process.exitCode = findings.length > 0 ? 1 : interrupted.signal.aborted ? 130 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // Attackers may have left something open.
  process.exit();
}

// Node's TLS over a stream that is not a socket gets into unexpected states: a fault of this process, not of a server.
process.on('uncaughtException', (error) => {
  if (/js_stream_socket/.test(error.stack ?? '')) return;
  console.error(error);
  process.exit(1);
});

void main();
