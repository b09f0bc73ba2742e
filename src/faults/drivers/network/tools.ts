/** Runs the network tools of the system, and detects which of them work for this process. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { printable } from '../../../core/printable';
import { causeOf } from '../../../files/cause';
import { refused } from '../../refusal';

export type Tool = 'nft' | 'iptables' | 'ip6tables' | 'tc' | 'ip' | 'unshare';

/** Folders of the tools, which are not in every user's PATH. */
const SBIN = ':/usr/sbin:/sbin';
const TIMEOUT_MS = 10_000;
const CAP_NET_ADMIN = 12n;

/** Returns the output of a tool. @throws ClusterError with the first line of its error output */
export function runTool(tool: Tool, args: readonly string[], input = ''): Promise<string> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}${SBIN}`, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    const child = execFile(tool, args, { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const said = stderr.trim().split('\n')[0] ?? '';
      reject(refused(`${tool} ${args.join(' ')}: ${printable(said || causeOf(error), 200)}`, error));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** True if a call succeeds. */
export async function succeeds(tool: Tool, args: readonly string[]): Promise<boolean> {
  return runTool(tool, args).then(
    () => true,
    () => false,
  );
}

/** True if this process may change the network of its machine. */
export function mayAdministerNetwork(): boolean {
  try {
    const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Returns the reason why packets cannot be delayed here, or null. Tried in a separate network namespace. */
export async function netemProblem(): Promise<string | null> {
  if (!(await succeeds('tc', ['qdisc', 'show']))) return 'tc does not work there (Debian: iproute2)';
  const call = ['qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'];
  const said = await runTool('unshare', ['--net', 'tc', ...call]).catch((error: Error) => error.message);
  return /unknown|not found|No such file/i.test(said) ? 'its kernel has no netem (module sch_netem)' : null;
}

/** Returns the firewall tool that works here; null if none. */
export async function firewall(): Promise<'nft' | 'iptables' | null> {
  if (await succeeds('nft', ['list', 'tables'])) return 'nft';
  return (await succeeds('iptables', ['-w', '-S'])) ? 'iptables' : null;
}
