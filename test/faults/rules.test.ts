import {
  chainOf,
  handleOf,
  iptablesCalls,
  lossRules,
  nftScript,
  partitionRules,
  type ServerTraffic,
  tcCalls,
} from '../../src/faults/drivers/network/rules.pure';

const TRAFFIC: ServerTraffic = {
  serverId: 1,
  port: 8001,
  peers: [
    { address: '10.0.0.2', port: 8002 },
    { address: 'fd00::3', port: 8003 },
  ],
};

/** The rules in a chain, without the two lines that every chain has. */
function nftLines(from: 'peers' | 'clients' | 'both', direction: 'in' | 'out'): string[] {
  const text = nftScript(1, partitionRules(TRAFFIC, from));
  const [, body = ''] = new RegExp(`chain ${direction} \\{\n([^}]*)`).exec(text) ?? [];
  return body
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .slice(2);
}

it('a partition from both: the port, and the dials to peers', () => {
  expect(nftLines('both', 'in')).toEqual([
    'tcp dport 8001 drop',
    'ip saddr 10.0.0.2 tcp sport 8002 drop',
    'ip6 saddr fd00::3 tcp sport 8003 drop',
  ]);
  expect(nftLines('both', 'out')).toEqual([
    'tcp sport 8001 drop',
    'ip daddr 10.0.0.2 tcp dport 8002 drop',
    'ip6 daddr fd00::3 tcp dport 8003 drop',
  ]);
});

it('a partition from peers: their addresses only', () => {
  expect(nftLines('peers', 'in')).toEqual([
    'ip saddr 10.0.0.2 tcp dport 8001 drop',
    'ip6 saddr fd00::3 tcp dport 8001 drop',
    'ip saddr 10.0.0.2 tcp sport 8002 drop',
    'ip6 saddr fd00::3 tcp sport 8003 drop',
  ]);
});

it('a partition from clients: everybody else at the port', () => {
  expect(nftLines('clients', 'out')).toEqual([
    'ip daddr 10.0.0.2 tcp sport 8001 accept',
    'ip6 daddr fd00::3 tcp sport 8001 accept',
    'tcp sport 8001 drop',
  ]);
});

it('a loss: part of what comes in', () => {
  const rules = lossRules(TRAFFIC, 12.5);
  const text = nftScript(1, rules);
  expect(text).toContain('    tcp dport 8001 numgen random mod 100000 < 12500 drop\n');
  expect(text).toContain('    ip saddr 10.0.0.2 tcp sport 8002 numgen random mod 100000 < 12500 drop\n');
  expect(rules.map(({ direction }) => direction)).toEqual(['in', 'in', 'in']);
  expect(iptablesCalls(1, rules, false)[2]!.join(' ')).toBe(
    '-A cloudp2p_1_in -p tcp --dport 8001 -m statistic --mode random --probability 0.125 -j DROP',
  );
});

it('loopback is exempt, and an existing table is replaced atomically', () => {
  const text = nftScript(1, partitionRules(TRAFFIC, 'both'));
  expect(text).toMatch(
    /^add table inet cloudp2p_faults_1\ndelete table inet cloudp2p_faults_1\n\ntable inet cloudp2p_faults_1 \{/,
  );
  expect(text).toContain('type filter hook input priority -300; policy accept;\n    iifname "lo" accept\n');
  expect(text).toContain('type filter hook output priority -300; policy accept;\n    oifname "lo" accept\n');
});

it('iptables: the same, each family with its own addresses, activated last', () => {
  const rules = partitionRules(TRAFFIC, 'both');
  expect(iptablesCalls(1, rules, false).map((call) => call.join(' '))).toEqual([
    '-N cloudp2p_1_in',
    '-A cloudp2p_1_in -i lo -j RETURN',
    '-A cloudp2p_1_in -p tcp --dport 8001 -j DROP',
    '-A cloudp2p_1_in -p tcp -s 10.0.0.2 --sport 8002 -j DROP',
    '-N cloudp2p_1_out',
    '-A cloudp2p_1_out -o lo -j RETURN',
    '-A cloudp2p_1_out -p tcp --sport 8001 -j DROP',
    '-A cloudp2p_1_out -p tcp -d 10.0.0.2 --dport 8002 -j DROP',
    '-I INPUT -j cloudp2p_1_in',
    '-I OUTPUT -j cloudp2p_1_out',
  ]);
  const v6 = iptablesCalls(1, rules, true).map((call) => call.join(' '));
  expect(v6).toContain('-A cloudp2p_1_in -p tcp -s fd00::3 --sport 8003 -j DROP');
  expect(v6.join()).not.toContain('10.0.0.2');
  expect(chainOf(4294967295, 'out').length).toBeLessThanOrEqual(28);
});

it('tc: only the server’s packets go through netem, all others as before', () => {
  const calls = tcCalls('eth0', TRAFFIC, { delayMs: 200, jitterMs: 100 }).map((call) => call.join(' '));
  expect(calls).toEqual([
    'qdisc add dev eth0 root handle c001: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1',
    'qdisc add dev eth0 parent c001:4 netem limit 100000 delay 200ms 100ms',
    ...[
      'protocol ip prio 1 u32 match ip protocol 6 0xff match ip sport 8001 0xffff',
      'protocol ipv6 prio 2 u32 match ip6 protocol 6 0xff match ip6 sport 8001 0xffff',
      'protocol ip prio 1 u32 match ip protocol 6 0xff match ip dst 10.0.0.2/32 match ip dport 8002 0xffff',
      'protocol ipv6 prio 2 u32 match ip6 protocol 6 0xff match ip6 dst fd00::3/128 match ip6 dport 8003 0xffff',
    ].map((filter) => `filter add dev eth0 parent c001: ${filter} flowid c001:4`),
  ]);
  expect(tcCalls('eth0', TRAFFIC, { delayMs: 5, jitterMs: 0 })[1]!.slice(-2)).toEqual(['delay', '5ms']);
  expect(new Set(Array.from({ length: 100 }, (_, id) => handleOf(id))).size).toBe(100);
});
