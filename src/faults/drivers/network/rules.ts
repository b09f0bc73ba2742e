import type { PartitionFrom } from '../../../config/faults-spec';

/** A peer as packets name it. */
export interface Endpoint {
  /** IPv4 or IPv6, without brackets. */
  address: string;
  port: number;
}

/** The TCP ends that make a server's traffic. */
export interface ServerTraffic {
  serverId: number;
  /** Where it listens. */
  port: number;
  /** Where it dials. */
  peers: readonly Endpoint[];
}

/** What becomes of TCP packets of one direction; the first rule that fits decides. Nothing else is touched. */
export interface Rule {
  direction: 'in' | 'out';
  verdict: 'drop' | 'pass';
  /** The other machine; null: any. */
  address: string | null;
  /** `own`: of this machine's end; `other`: of the other's. */
  side: 'own' | 'other';
  port: number;
  /** Of 100 packets so many; undefined: all. */
  percent?: number;
}

/** A silent drop, both ways, of what others send to the server's port and of what it sends to its peers' ports. */
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
 * Loses some of what reaches the server. A packet that is dropped on its way out is for the kernel not lost but not sent,
 * and is sent again at once; one that is dropped on its way in is lost to both sides.
 */
export function lossRules(traffic: ServerTraffic, percent: number): Rule[] {
  const incoming = partitionRules(traffic, 'both').filter(({ direction }) => direction === 'in');
  return percent >= 100 ? incoming : incoming.map((rule) => ({ ...rule, percent }));
}

/** By which an interrupted run's rules are found again. */
export function tableOf(serverId: number): string {
  return `cloudp2p_faults_${serverId}`;
}

/** For `nft -f -`: all of it at once, or nothing; a table that is there already is replaced. */
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

/** Removes the table, whether it is there or not. */
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

/** A name of iptables has at most 28 characters. */
export function chainOf(serverId: number, direction: Rule['direction']): string {
  return `cloudp2p_${serverId}_${direction}`;
}

/** The calls of iptables (`isV6`: of ip6tables), in order; the last ones put the chains into force. */
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

/** How long netem holds back what a server sends. */
export interface Delay {
  delayMs: number;
  jitterMs: number;
}

/** The root qdisc of a server's delay; a handle has 16 bits. */
export function handleOf(serverId: number): string {
  return `${(0xc000 + (serverId % 0x1000)).toString(16)}:`;
}

/**
 * The calls of `tc` that send a server's packets, and no others, through netem: a class of its own below a prio qdisc
 * that treats all others as the kernel's default does.
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
