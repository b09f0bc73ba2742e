/** A machine that uses the shell and the files of this one. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { ClusterError } from '../../src/core/errors';
import type { Machine } from '../../src/run/remote/machine';

export interface MachineHere {
  machine: Machine;
  /** The SFTP operations, as text. */
  done: string[];
}

/** Makes one; its paths are relative to `cwd`. */
export function machineHere(host: string, cwd: string): MachineHere {
  const done: string[] = [];
  const failure = (why: string): ClusterError => new ClusterError('not_reachable', `${host}: ${why}`);
  const run = (argv: readonly string[]) => spawnSync(argv[0]!, argv.slice(1), { cwd, encoding: 'utf8' });
  const sftp = {
    upload(content: Uint8Array, remote: string, mode: number): void {
      done.push(`upload ${remote}`);
      writeFileSync(remote, content, { mode });
      chmodSync(remote, mode);
    },
    chmod(remote: string, mode: number): void {
      done.push(`chmod ${remote}`);
      chmodSync(remote, mode);
    },
  };
  const machine = {
    host,
    failure,
    script(text: string, args: readonly string[]): Promise<string> {
      const { status, stdout, stderr } = run(['sh', '-c', text, 'sh', ...args]);
      return status === 0 ? Promise.resolve(stdout) : Promise.reject(failure(stderr.trim()));
    },
    exec(argv: readonly string[]) {
      const { status: code, stdout = '', stderr = '', error } = run(argv);
      return Promise.resolve({ code: error === undefined ? code : 126, signal: null, stdout, stderr });
    },
    files: async (work: (files: typeof sftp) => unknown) => work(sftp),
  };
  return { machine: machine as unknown as Machine, done };
}
