import { buildSync } from 'esbuild';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Builds the agent as its own program, for the tests of one file. */
export function buildAgent(): { script: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-agent-'));
  // Readable for tests that run it as another user.
  chmodSync(folder, 0o755);
  const script = path.join(folder, 'agent.cjs');
  buildSync({
    entryPoints: [path.join(__dirname, 'agent-entry.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
  return { script, remove: () => rmSync(folder, { recursive: true }) };
}
