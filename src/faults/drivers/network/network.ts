import { type FaultKind, isOfNetwork } from '../../../core/fault-kinds';
import type { Fault } from '../../driver';
import { refused } from '../../refusal';
import type { LocalServer } from '../local-server';
import {
  chainOf,
  handleOf,
  iptablesCalls,
  IPTABLES_CHAINS,
  lossRules,
  nftRemoval,
  nftScript,
  partitionRules,
  type Rule,
  tcCalls,
} from './rules';
import { firewall, mayAdministerNetwork, runTool, succeeds, type Tool } from './tools';
import { devicesOf, trafficOf } from './traffic';

/** Of a qdisc that the kernel gave an interface by itself: it comes back when ours is gone. */
const DEFAULT_HANDLE = '0:';
type NetworkFault = Extract<Fault, { kind: 'partition' | 'delay' | 'loss' }>;

const NO_FIREWALL = 'neither nft nor iptables works here';
const IPTABLES = ['iptables', 'ip6tables'] as const;

/**
 * Cuts off, delays or thins out a server's packets, and no others.
 * @param used takes the tools by which that is done
 * @throws ClusterError; then nothing of it is left, or that is the reason
 */
export async function impair(server: LocalServer, fault: NetworkFault, used: Set<Tool>): Promise<void> {
  const traffic = await trafficOf(server);
  try {
    if (fault.kind === 'partition') await filter(server.id, partitionRules(traffic, fault.from), used);
    else if (fault.kind === 'loss') await filter(server.id, lossRules(traffic, fault.lossPercent), used);
    else
      for (const device of await devicesOf(server, traffic)) {
        used.add('tc');
        await shape(device, server.id, tcCalls(device, traffic, fault));
      }
  } catch (error) {
    await healNetwork(server, used);
    throw error;
  }
}

/**
 * Removes what is there of a server's impairments, and nothing else.
 * @param used tools by which they were made; where that is not known each is tried, and may be one that does not work here
 * @throws ClusterError when one of them fails: something may be there still
 */
export async function healNetwork({ id }: LocalServer, used: ReadonlySet<Tool>): Promise<void> {
  // Who may not change it has not changed it.
  if (!mayAdministerNetwork()) return;
  const removals: [Tool, () => Promise<unknown>][] = [
    ['nft', () => runTool('nft', ['-f', '-'], nftRemoval(id))],
    ...IPTABLES.map((tool): [Tool, () => Promise<unknown>] => [tool, () => removeChains(tool, id)]),
    ['tc', () => removeDelays(id)],
  ];
  const failures: unknown[] = [];
  for (const [tool, remove] of removals) {
    await remove().catch((error: unknown) => void (used.has(tool) && failures.push(error)));
  }
  if (failures.length > 0) throw failures[0];
}

/** By which a fault is most likely there that somebody else has made. @throws ClusterError where there is none */
export async function toolsFor(kind: FaultKind): Promise<ReadonlySet<Tool>> {
  if (!isOfNetwork(kind)) return new Set();
  const tool = kind === 'delay' ? 'tc' : await firewall();
  if (tool === null) throw refused(NO_FIREWALL);
  return new Set([tool]);
}

async function filter(serverId: number, rules: readonly Rule[], used: Set<Tool>): Promise<void> {
  const tool = await firewall();
  if (tool === null) throw refused(NO_FIREWALL);
  if (tool === 'nft') {
    used.add('nft');
    return void (await runTool('nft', ['-f', '-'], nftScript(serverId, rules)));
  }
  for (const each of IPTABLES) {
    const isV6 = each === 'ip6tables';
    // Without IPv6 in the kernel there is nothing to drop.
    if (isV6 && !(await succeeds(each, ['-w', '-S']))) continue;
    used.add(each);
    for (const call of iptablesCalls(serverId, rules, isV6)) await runTool(each, ['-w', ...call]);
  }
}

async function removeChains(tool: Tool, serverId: number): Promise<void> {
  const rules = (await runTool(tool, ['-w', '-S'])).split('\n');
  for (const direction of ['in', 'out'] as const) {
    const chain = chainOf(serverId, direction);
    if (!rules.includes(`-N ${chain}`)) continue;
    const jump = [IPTABLES_CHAINS[direction], '-j', chain];
    for (const rule of rules) if (rule === `-A ${jump.join(' ')}`) await runTool(tool, ['-w', '-D', ...jump]);
    await runTool(tool, ['-w', '-F', chain]);
    await runTool(tool, ['-w', '-X', chain]);
  }
}

async function removeDelays(serverId: number): Promise<void> {
  for (const device of await devicesWith(handleOf(serverId))) {
    await runTool('tc', ['qdisc', 'del', 'dev', device, 'root']);
  }
}

async function shape(device: string, serverId: number, calls: readonly string[][]): Promise<void> {
  const [, kind = '', handle = DEFAULT_HANDLE] =
    /^qdisc (\S+) (\S+) root/m.exec(await runTool('tc', ['qdisc', 'show', 'dev', device])) ?? [];
  if (handle !== DEFAULT_HANDLE && handle !== handleOf(serverId)) {
    throw refused(`interface ${device} has a qdisc of somebody else (${kind} ${handle}), which is left as it is`);
  }
  for (const call of calls) await runTool('tc', call);
}

async function devicesWith(handle: string): Promise<string[]> {
  const text = await runTool('tc', ['qdisc', 'show']);
  return [...text.matchAll(/^qdisc prio (\S+) dev (\S+) root/gm)].flatMap(([, found, device]) =>
    found === handle ? [device!] : [],
  );
}
