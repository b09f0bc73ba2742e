import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The built executable; these tests are about it and nothing else. */
export const PROGRAM = path.join(__dirname, '..', '..', 'dist', 'cloudp2p');

if (!existsSync(PROGRAM)) throw new Error('dist/cloudp2p is not there: npm run build');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  /** Called with the process, for instance to signal it. */
  onStart?(child: ReturnType<typeof spawn>): void;
}

/** Runs the program to its end. */
export function runProgram(args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { cwd, env = process.env, uid, onStart } = options;
    const child = spawn(PROGRAM, args, { cwd, env, uid, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    onStart?.(child);
  });
}

/** A fresh folder for `body`, removed afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-e2e-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
