import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The built executable, which these tests run. */
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
  gid?: number;
  /** Default: the built executable where it was built. */
  program?: string;
  /** Ends it by SIGKILL after this time, and `signal` says so. Default: no limit. */
  timeoutMs?: number;
  /** Called with the process, for instance to signal it. */
  onStart?(child: ReturnType<typeof spawn>): void;
}

/** Runs the program to its end. */
export function runProgram(args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { cwd, env = process.env, uid, gid, program = PROGRAM, timeoutMs: timeout, onStart } = options;
    const how = { cwd, env, uid, gid, timeout, killSignal: 'SIGKILL' } as const;
    const child = spawn(program, args, { ...how, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    onStart?.(child);
  });
}

/** Runs `body` with a fresh folder, which is removed afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-e2e-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program that keeps running while a test looks at it. */
export interface Running {
  child: ReturnType<typeof spawn>;
  readonly stdout: string;
  /** Waits for its end and returns how it ended; kills it by SIGKILL after `timeoutMs`. */
  ended: Promise<Ended>;
  /** Resolves once its output matches; rejects if it ends first. */
  says(what: RegExp): Promise<void>;
}

export function startProgram(args: readonly string[], options: RunOptions): Running {
  let child!: ReturnType<typeof spawn>;
  let stdout = '';
  const ended = runProgram(args, {
    timeoutMs: 60_000,
    ...options,
    onStart: (started) => {
      child = started;
      child.stdout!.on('data', (data: Buffer) => (stdout += data.toString()));
    },
  });
  const says = (what: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => void (what.test(stdout) && resolve());
      child.stdout!.on('data', look);
      look();
      void ended.then((end) => reject(new Error(`ended before it said ${what}: ${JSON.stringify(end)}`)));
    });
  return {
    child,
    get stdout() {
      return stdout;
    },
    ended,
    says,
  };
}
