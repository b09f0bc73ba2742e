/** Applies and removes the network faults of a server: packets dropped by nft or iptables, or delayed by tc. */
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
} from './rules.pure';
import { firewall, mayAdministerNetwork, runTool, succeeds, type Tool } from './tools';
import { devicesOf, trafficOf } from './traffic';

/** The handle of the kernel's default qdisc, which comes back when ours is removed. */
const DEFAULT_HANDLE = '0:';
type NetworkFault = Extract<Fault, { kind: 'partition' | 'delay' | 'loss' }>;

const NO_FIREWALL = 'neither nft nor iptables works here';
const IPTABLES = ['iptables', 'ip6tables'] as const;

/**
 * Drops or delays the packets of a server, and no others.
 * @param used receives the tools that were used
 * @throws ClusterError; then nothing of it is left, unless the error says so
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
 * Removes the impairments of a server, and nothing else.
 * @param used the tools that made them; if unknown, each is tried, and may be one that does not work here
 * @throws ClusterError if one of them fails: a part may be left
 */
export async function healNetwork({ id }: LocalServer, used: ReadonlySet<Tool>): Promise<void> {
  // Without the right to change the network, nothing was changed.
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

/** Returns the tool that another process most likely used for a fault. @throws ClusterError if there is none */
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
    throw refused(
      `interface ${device} already has a qdisc of another program (${kind} ${handle}), which is left unchanged`,
    );
  }
  for (const call of calls) await runTool('tc', call);
}

async function devicesWith(handle: string): Promise<string[]> {
  const text = await runTool('tc', ['qdisc', 'show']);
  return [...text.matchAll(/^qdisc prio (\S+) dev (\S+) root/gm)].flatMap(([, found, device]) =>
    found === handle ? [device!] : [],
  );
}
