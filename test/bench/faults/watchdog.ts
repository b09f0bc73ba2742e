import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FaultKind } from '../../../src/core/fault-kinds';
import type { HostsLab } from '../../support/hosts-lab';

/** The outcome of a fault whose controller was gone. */
export interface WatchdogResult {
  kind: FaultKind;
  how: 'killed' | 'silent';
  /** From the loss of the controller until all servers were healthy and followed one leader. */
  healedMs: number;
}

const KINDS: FaultKind[] = ['kill', 'terminate', 'pause', 'partition', 'delay', 'loss'];
const BOUND_MS = 40_000;

/** Kills the controller in the middle of each kind of fault on the leader; once, cuts off its network instead. */
export async function measureWatchdog(lab: HostsLab): Promise<WatchdogResult[]> {
  const results: WatchdogResult[] = [];
  for (const kind of KINDS) {
    if (kind === 'delay' && lab.network.netem === null) continue;
    results.push(await measure(lab, kind, 'killed'));
  }
  results.push(await measure(lab, 'pause', 'silent'));
  for (const { kind, how, healedMs } of results) console.log(kind, how, `${healedMs.toFixed(0)} ms`);
  return results;
}

async function measure(lab: HostsLab, kind: FaultKind, how: WatchdogResult['how']): Promise<WatchdogResult> {
  const leader = await lab.agreement(15);
  const flags = ['--kind', kind, '--target', String(leader), '--restart-delay', '600', '--cycles', '1'];
  const run = lab.begin(['faults', '--config', 'faults.toml', ...flags]);
  await run.says(/Waiting 600s/);
  const startMs = performance.now();
  if (how === 'killed') run.child.kill('SIGKILL');
  else
    firewall(
      lab,
      'add table inet silent; add chain inet silent out { type filter hook output priority 0; policy drop; }',
    );
  while (!isHealed(lab, leader)) {
    if (performance.now() - startMs > BOUND_MS) throw new Error(`${kind}, ${how}: not healed within the bound`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const healedMs = performance.now() - startMs;
  if (how === 'silent') {
    firewall(lab, 'delete table inet silent');
    run.child.kill('SIGKILL');
  }
  await run.ended;
  return { kind, how, healedMs };
}

/** Checks the machine itself: the server runs, and no rule or delay of ours is left. */
function isHealed(lab: HostsLab, id: number): boolean {
  const host = lab.hostOf(id);
  if (host.processes.some((line) => line.includes(' fault-agent'))) return false;
  const tc = execFileSync(...lab.network.command(host, 'tc', ['qdisc', 'show']), {
    encoding: 'utf8',
    env: lab.network.env,
  });
  if (lab.rulesOf(id).includes('cloudp2p') || tc.includes('netem')) return false;
  try {
    const { pid } = JSON.parse(readFileSync(path.join(lab.workDirOf(id), `server_${id}.pid`), 'utf8')) as {
      pid: number;
    };
    return /\) [SRD] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function firewall(lab: HostsLab, commands: string): void {
  const [program, args] = lab.network.command(lab.network.controller, 'nft', commands.split('\n'));
  execFileSync(program, args, { env: lab.network.env });
}
