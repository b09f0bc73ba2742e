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

const IPTABLES = ['iptables', 'ip6tables'] as const;

/**
 * Cuts off, delays or thins out a server's packets, and no others.
 * @throws ClusterError; then nothing of it is left
 */
export async function impair(server: LocalServer, fault: NetworkFault): Promise<void> {
  const traffic = await trafficOf(server);
  try {
    if (fault.kind === 'partition') await filter(server.id, partitionRules(traffic, fault.from));
    else if (fault.kind === 'loss') await filter(server.id, lossRules(traffic, fault.lossPercent));
    else
      for (const device of await devicesOf(server, traffic)) {
        await shape(device, server.id, tcCalls(device, traffic, fault));
      }
  } catch (error) {
    await healNetwork(server);
    throw error;
  }
}

/** Removes what is there of a server's impairments, and nothing else. */
export async function healNetwork({ id }: LocalServer): Promise<void> {
  // Who may not change it has not changed it.
  if (!mayAdministerNetwork()) return;
  if (await succeeds('nft', ['list', 'tables'])) await runTool('nft', ['-f', '-'], nftRemoval(id));
  for (const tool of IPTABLES) {
    for (const direction of ['in', 'out'] as const) await removeChain(tool, direction, id);
  }
  for (const device of await devicesWith(handleOf(id))) await runTool('tc', ['qdisc', 'del', 'dev', device, 'root']);
}

async function filter(serverId: number, rules: readonly Rule[]): Promise<void> {
  const tool = await firewall();
  if (tool === null) throw refused('neither nft nor iptables works here');
  if (tool === 'nft') return void (await runTool('nft', ['-f', '-'], nftScript(serverId, rules)));
  for (const each of IPTABLES) {
    const isV6 = each === 'ip6tables';
    // Without IPv6 in the kernel there is nothing to drop.
    if (isV6 && !(await succeeds(each, ['-w', '-S']))) continue;
    for (const call of iptablesCalls(serverId, rules, isV6)) await runTool(each, ['-w', ...call]);
  }
}

async function removeChain(tool: Tool, direction: Rule['direction'], serverId: number): Promise<void> {
  const chain = chainOf(serverId, direction);
  if (!(await succeeds(tool, ['-w', '-S', chain]))) return;
  while (await succeeds(tool, ['-w', '-D', IPTABLES_CHAINS[direction], '-j', chain]));
  await runTool(tool, ['-w', '-F', chain]);
  await runTool(tool, ['-w', '-X', chain]);
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
  const text = await runTool('tc', ['qdisc', 'show']).catch(() => '');
  return [...text.matchAll(/^qdisc prio (\S+) dev (\S+) root/gm)].flatMap(([, found, device]) =>
    found === handle ? [device!] : [],
  );
}
