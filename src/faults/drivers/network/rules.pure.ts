/** The firewall rules and tc calls of each network fault, which match only the TCP packets of one server. */
import type { PartitionFrom } from '../../../config/fault-settings';

/** A peer as it appears in packets. */
export interface Endpoint {
  /** IPv4 or IPv6, without brackets. */
  address: string;
  port: number;
}

/** The TCP endpoints of a server's traffic. */
export interface ServerTraffic {
  serverId: number;
  /** The port it listens on. */
  port: number;
  /** The endpoints it dials. */
  peers: readonly Endpoint[];
}

/** A rule for TCP packets of one direction; the first match decides. No other packets are affected. */
export interface Rule {
  direction: 'in' | 'out';
  verdict: 'drop' | 'pass';
  /** The other machine; null for any. */
  address: string | null;
  /** The end of the connection that `port` belongs to: this machine's or the other's. */
  side: 'own' | 'other';
  port: number;
  /** The percentage of packets; undefined for all. */
  percent?: number;
}

/** Silently drops, both ways, packets to the server's port and its packets to the ports of its peers. */
export function partitionRules({ port, peers }: ServerTraffic, from: PartitionFrom): Rule[] {
  const both = (verdict: Rule['verdict'], address: string | null, side: Rule['side'], at: number): Rule[] =>
    (['in', 'out'] as const).map((direction) => ({ direction, verdict, address, side, port: at }));
  const listening = (verdict: Rule['verdict']): Rule[] =>
    [...new Set(peers.map(({ address }) => address))].flatMap((address) => both(verdict, address, 'own', port));
  const everybody = both('drop', null, 'own', port);
  const dialed = peers.flatMap(({ address, port: theirs }) => both('drop', address, 'other', theirs));
  if (from === 'both') return [...everybody, ...dialed];
  return from === 'peers' ? [...listening('drop'), ...dialed] : [...listening('pass'), ...everybody];
}

/**
 * Drops a share of the incoming packets. The kernel notices that an outgoing packet was dropped, and sends it again at
 * once; an incoming one is lost to both sides.
 */
export function lossRules(traffic: ServerTraffic, percent: number): Rule[] {
  const incoming = partitionRules(traffic, 'both').filter(({ direction }) => direction === 'in');
  return percent >= 100 ? incoming : incoming.map((rule) => ({ ...rule, percent }));
}

/** Returns the name by which the rules of an interrupted run are found. */
function tableOf(serverId: number): string {
  return `cloudp2p_faults_${serverId}`;
}

/** Returns the input of `nft -f -`, which applies it atomically; an existing table is replaced. */
export function nftScript(serverId: number, rules: readonly Rule[]): string {
  const chain = (direction: Rule['direction']): string[] => [
    `  chain ${direction} {`,
    `    type filter hook ${direction}put priority -300; policy accept;`,
    `    ${direction === 'in' ? 'iifname' : 'oifname'} "lo" accept`,
    ...rules.filter((rule) => rule.direction === direction).map((rule) => `    ${nftRule(rule)}`),
    '  }',
  ];
  const table = tableOf(serverId);
  return [nftRemoval(serverId), `table inet ${table} {`, ...chain('in'), ...chain('out'), '}', ''].join('\n');
}

/** Returns the input of `nft -f -` that removes the table, whether it exists or not. */
export function nftRemoval(serverId: number): string {
  const table = tableOf(serverId);
  return `add table inet ${table}\ndelete table inet ${table}\n`;
}

function nftRule({ direction, verdict, address, side, port, percent }: Rule): string {
  const family = address?.includes(':') ? 'ip6' : 'ip';
  const who = address === null ? '' : `${family} ${direction === 'in' ? 'saddr' : 'daddr'} ${address} `;
  const chance =
    percent === undefined ? '' : `numgen random mod 100000 < ${Math.min(99_999, Math.round(percent * 1000))} `;
  return `${who}tcp ${portOf(direction, side)} ${port} ${chance}${verdict === 'drop' ? 'drop' : 'accept'}`;
}

export const IPTABLES_CHAINS = { in: 'INPUT', out: 'OUTPUT' } as const;

/** Returns the name of a chain: iptables allows at most 28 characters. */
export function chainOf(serverId: number, direction: Rule['direction']): string {
  return `cloudp2p_${serverId}_${direction}`;
}

/** Returns the calls of iptables (`isV6`: of ip6tables), in order; the last ones activate the chains. */
export function iptablesCalls(serverId: number, rules: readonly Rule[], isV6: boolean): string[][] {
  const directions = ['in', 'out'] as const;
  const fitting = rules.filter(({ address }) => address === null || address.includes(':') === isV6);
  return [
    ...directions.flatMap((direction) => {
      const chain = chainOf(serverId, direction);
      const own = fitting.filter((rule) => rule.direction === direction);
      return [
        ['-N', chain],
        ['-A', chain, direction === 'in' ? '-i' : '-o', 'lo', '-j', 'RETURN'],
        ...own.map((rule) => ['-A', chain, ...iptablesMatch(rule), '-j', rule.verdict === 'drop' ? 'DROP' : 'RETURN']),
      ];
    }),
    ...directions.map((direction) => ['-I', IPTABLES_CHAINS[direction], '-j', chainOf(serverId, direction)]),
  ];
}

function iptablesMatch({ direction, address, side, port, percent }: Rule): string[] {
  const who = address === null ? [] : [direction === 'in' ? '-s' : '-d', address];
  const probability = percent === undefined ? [] : ['--probability', String(percent / 100)];
  const chance = percent === undefined ? [] : ['-m', 'statistic', '--mode', 'random', ...probability];
  return ['-p', 'tcp', ...who, `--${portOf(direction, side)}`, String(port), ...chance];
}

function portOf(direction: Rule['direction'], side: Rule['side']): 'sport' | 'dport' {
  return (direction === 'in') === (side === 'own') ? 'dport' : 'sport';
}

/** The delay that netem adds to a server's packets. */
export interface Delay {
  delayMs: number;
  jitterMs: number;
}

/** Returns the handle of the root qdisc of a server's delay; it has 16 bits. */
export function handleOf(serverId: number): string {
  return `${(0xc000 + (serverId % 0x1000)).toString(16)}:`;
}

/**
 * Returns the calls of `tc` that send the packets of a server, and no others, through netem: in its own class below a prio
 * qdisc that treats all others like the kernel's default.
 */
export function tcCalls(device: string, { serverId, port, peers }: ServerTraffic, delay: Delay): string[][] {
  const handle = handleOf(serverId);
  const band = `${handle}4`;
  const priomap = '1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1'.split(' ');
  const filter = (isV6: boolean, match: string[]): string[] => {
    const [protocol, ip] = isV6 ? ['ipv6', 'ip6'] : ['ip', 'ip'];
    const tcp = ['match', ip, 'protocol', '6', '0xff'];
    const words = ['u32', ...tcp, ...match.map((word) => (word === 'IP' ? ip : word)), 'flowid', band];
    // One priority holds filters of one protocol.
    return ['filter', 'add', 'dev', device, 'parent', handle, 'protocol', protocol, 'prio', isV6 ? '2' : '1', ...words];
  };
  return [
    ['qdisc', 'add', 'dev', device, 'root', 'handle', handle, 'prio', 'bands', '4', 'priomap', ...priomap],
    ['qdisc', 'add', 'dev', device, 'parent', band, 'netem', 'limit', '100000', ...netem(delay)],
    ...[false, true].map((isV6) => filter(isV6, ['match', 'IP', 'sport', String(port), '0xffff'])),
    ...peers.map(({ address, port: theirs }) => {
      const isV6 = address.includes(':');
      const to = ['match', 'IP', 'dst', `${address}/${isV6 ? 128 : 32}`];
      return filter(isV6, [...to, 'match', 'IP', 'dport', String(theirs), '0xffff']);
    }),
  ];
}

function netem({ delayMs, jitterMs }: Delay): string[] {
  return ['delay', `${delayMs}ms`, ...(jitterMs > 0 ? [`${jitterMs}ms`] : [])];
}
