import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { ClusterError } from '../../src/core/errors';
import { parseConfig } from '../../src/config/load';
import { advertisedAddress, loadServerConfig, serverConfigOf, type ServerFlags } from '../../src/config/server-config';
import { readServerFile, serverFile } from '../../src/config/server-file';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const machine = { availableParallelism: 8 };
const SELF = '[server]\nid = 1\naddress = "127.0.0.1:8001"\n';

const load = (toml: string) => loadServerConfig(temp.file('s.toml', toml), machine);
/** The error's lines without the path of the temporary folder. */
const linesOf = (toml: string, flags: ServerFlags = {}) =>
  configErrorLines(() => {
    const file = readServerFile(temp.file('s.toml', toml), { required: true });
    serverConfigOf(flags, file, machine);
  }).map((line) => line.replaceAll(`${temp.folder}/`, ''));
const flagLines = (flags: ServerFlags) => configErrorLines(() => serverConfigOf(flags, undefined, machine));

describe('a server file', () => {
  test('with two keys has all the defaults', () => {
    expect(load(SELF)).toEqual({
      id: 1,
      address: '127.0.0.1:8001',
      eventsFile: 'server_1_events.ndjson',
      pidFile: 'server_1.pid',
      peers: [],
      election: {
        heartbeatIntervalMs: 1000,
        failureTimeoutMs: 3000,
        electionTimeoutMs: 2000,
      },
      processing: { workers: 4, queueLimit: 128, compression: 'stored' },
      limits: {
        maxFrameBytes: 67108864,
        maxSecretBytes: 7340032,
        maxResponseBytes: 536870912,
        maxConnections: 16384,
        frameTimeoutMs: 30000,
      },
    });
  });

  test('may set everything', () => {
    const config = load(`
[server]
id = 4294967295
address = "0.0.0.0:8001"
advertise_address = "server9.example.com:8001"
cover_image = "cover.png"
events_file = "e.ndjson"
log_file = "logs/{id}.log"
pid_file = "p.pid"
[[peers.peers]]
id = 2
address = "server2.example.com:8001"
[election]
heartbeat_interval_secs = 0.1
monitor_interval_secs = 0.25
failure_timeout_secs = 1.1
election_timeout_secs = 0.0015
[processing]
workers = 2
queue_limit = 7
compression = "fast"
[limits]
max_frame_bytes = 1000
max_secret_bytes = 900
max_response_bytes = 5_000_000_000
max_connections = 10
frame_timeout_secs = 2
`);
    expect(config).toEqual({
      id: 4294967295,
      address: '0.0.0.0:8001',
      advertiseAddress: 'server9.example.com:8001',
      coverImage: 'cover.png',
      eventsFile: 'e.ndjson',
      logFile: 'logs/4294967295.log',
      pidFile: 'p.pid',
      peers: [{ id: 2, address: 'server2.example.com:8001' }],
      election: { heartbeatIntervalMs: 100, failureTimeoutMs: 1100, electionTimeoutMs: 1.5 },
      processing: { workers: 2, queueLimit: 7, compression: 'fast' },
      limits: {
        maxFrameBytes: 1000,
        maxSecretBytes: 900,
        maxResponseBytes: 5e9,
        maxConnections: 10,
        frameTimeoutMs: 2000,
      },
    });
  });

  test.each([
    [1, 1],
    [3, 3],
    [64, 4],
    [0, 1],
  ])('on a machine of %d cores it has %d workers', (availableParallelism, workers) => {
    expect(serverConfigOf({}, undefined, { availableParallelism }).processing.workers).toBe(workers);
  });

  test.each([
    [
      '[server]\nid = "one"\naddress = "a:1"',
      's.toml: server.id: expected a whole number from 1 to 4294967295, got "one"',
    ],
    ['[server]\nid = 0\naddress = "a:1"', 's.toml: server.id: expected a whole number from 1 to 4294967295, got 0'],
    [
      '[server]\nid = 4294967296\naddress = "a:1"',
      's.toml: server.id: expected a whole number from 1 to 4294967295, got 4294967296',
    ],
    [
      '[server]\nid = 1',
      's.toml: server.address: missing: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535',
    ],
    [
      '[server]\nid = 1\naddress = "localhost"',
      's.toml: server.address: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535, got "localhost"',
    ],
    [
      `${SELF}advertise_address = "0.0.0.0:1"`,
      's.toml: server.advertise_address: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535 (0.0.0.0 and [::] are only for listening), got "0.0.0.0:1"',
    ],
    [`${SELF}events_file = ""`, 's.toml: server.events_file: expected a path, got ""'],
    [
      `${SELF}[election]\nheartbeat_interval_sec = 1`,
      's.toml: election.heartbeat_interval_sec: unknown key, did you mean "election.heartbeat_interval_secs"?',
    ],
    [
      `${SELF}heartbeat_interval_secs = 1`,
      's.toml: server.heartbeat_interval_secs: unknown key, did you mean "election.heartbeat_interval_secs"?',
    ],
    [
      `${SELF}[election]\nelection_timeout_secs = 0`,
      's.toml: election.election_timeout_secs: expected a number of seconds from 0.001 to 604800, got 0',
    ],
    [
      `${SELF}[election]\nfailure_timeout_secs = 1`,
      's.toml: election.failure_timeout_secs: expected more than election.heartbeat_interval_secs (1), got 1',
    ],
    [
      `${SELF}[election]\nheartbeat_interval_secs = 5`,
      's.toml: election.failure_timeout_secs: expected more than election.heartbeat_interval_secs (5), got 3',
    ],
    [
      `${SELF}[peers]\npeers = [{ id = 2, address = "b:1" }, { id = 3, address = "c:1" }]\n[limits]\nmax_connections = 2`,
      's.toml: limits.max_connections: expected at least 3 (2 are reserved for the peers, which leaves none for clients), got 2',
    ],
    [`${SELF}[processing]\nworkers = 0`, 's.toml: processing.workers: expected a whole number from 1 to 1024, got 0'],
    [
      `${SELF}[processing]\ncompression = "zip"`,
      's.toml: processing.compression: expected one of "stored", "huffman", "fast", got "zip"',
    ],
    [
      `${SELF}[security]\nca = "x"`,
      's.toml: security: unknown key; known at the top: server, peers, tls, election, processing, limits',
    ],
    [
      `${SELF}[peers]\npeers = [{ id = 1, address = "b:1" }]`,
      "s.toml: peers.peers[0].id: expected the id of another server, got this server's own, 1 (server.id)",
    ],
    [
      `${SELF}[peers]\npeers = [{ id = 2, address = "127.0.0.1:8001" }]`,
      "s.toml: peers.peers[0].address: expected the address of another server, got this server's own, 127.0.0.1:8001 (server.address)",
    ],
    [
      `${SELF}advertise_address = "b:1"\n[peers]\npeers = [{ id = 2, address = "B:1" }]`,
      "s.toml: peers.peers[0].address: expected the address of another server, got this server's own, B:1 (server.advertise_address)",
    ],
    [
      `${SELF}[peers]\npeers = [{ id = 2, address = "b:1" }, { id = 2, address = "c:1" }]`,
      's.toml: peers.peers[1].id: expected each id once, got 2 again (first at peers.peers[0].id)',
    ],
    [
      `${SELF}[peers]\npeers = [{ id = 2, address = "b:1" }, { id = 3, address = "b:1" }]`,
      's.toml: peers.peers[1].address: expected each address once, got b:1 again (first at peers.peers[0].address)',
    ],
    [
      `${SELF}[peers]\npeers = [{ id = 2 }]`,
      's.toml: peers.peers[0].address: missing: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535 (0.0.0.0 and [::] are only for listening)',
    ],
    [`${SELF}[peers]\npeers = ["2@b:1"]`, 's.toml: peers.peers[0]: expected a table, got "2@b:1"'],
    [`[peers]\nid = 1\n${SELF}`, 's.toml: peers.id: unknown key, did you mean "server.id"?'],
  ])('%j', (toml, line) => {
    expect(linesOf(toml)).toEqual([line]);
  });

  test('cut off at any byte, loads or says why, and never crashes', () => {
    const whole = readFileSync('config/server1.toml', 'utf8').replaceAll('# ', '');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (length) => {
        try {
          parseConfig(serverFile.schema, whole.slice(0, length), 's.toml');
        } catch (error) {
          expect(error).toBeInstanceOf(ClusterError);
          expect((error as Error).message).toMatch(/^s\.toml:/);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('flags', () => {
  test('without a file: number 1, alone, on 127.0.0.1:8001', () => {
    expect(serverConfigOf({}, undefined, machine)).toEqual(load(SELF));
  });

  test('win over the file, and the names of files follow the id', () => {
    const file = readServerFile(
      temp.file('f.toml', `${SELF}[peers]\npeers = [{ id = 2, address = "b:1" }]\n[processing]\nworkers = 3`),
      { required: true },
    );
    const config = serverConfigOf({ id: '7', address: '[::1]:9001', peer: ['8@h:1', '9@[::1]:9002'] }, file, machine);
    expect(config).toMatchObject({
      id: 7,
      address: '[::1]:9001',
      eventsFile: 'server_7_events.ndjson',
      pidFile: 'server_7.pid',
      peers: [
        { id: 8, address: 'h:1' },
        { id: 9, address: '[::1]:9002' },
      ],
      processing: { workers: 3 },
    });
    expect(serverConfigOf({ id: '7' }, file, machine)).toMatchObject({ id: 7, peers: [{ id: 2 }] });
  });

  const PEER = 'ID@HOST:PORT with an ID from 1 to 4294967295 and a host to connect to';
  test.each<[ServerFlags, string]>([
    [{ peer: ['2@host'] }, `--peer: expected ${PEER}, got "2@host"`],
    [{ peer: ['host:1'] }, `--peer: expected ${PEER}, got "host:1"`],
    [{ peer: [''] }, `--peer: expected ${PEER}, got ""`],
    [{ peer: ['x@h:1'] }, `--peer: expected ${PEER}, got "x@h:1"`],
    [{ peer: ['2@h:1\u001b[2J'] }, `--peer: expected ${PEER}, got "2@h:1\\u001b[2J"`],
    [{ peer: ['1@h:1', '0@h:1'] }, `--peer: expected ${PEER}, got "0@h:1"`],
    [{ peer: ['2@0.0.0.0:1'] }, `--peer: expected ${PEER}, got "2@0.0.0.0:1"`],
    [{ id: 'one' }, '--id: expected a whole number from 1 to 4294967295, got "one"'],
    [{ id: '' }, '--id: expected a whole number from 1 to 4294967295, got ""'],
    [{ id: '1.5' }, '--id: expected a whole number from 1 to 4294967295, got "1.5"'],
    [{ address: 'h' }, '--address: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535, got "h"'],
    [{ id: '2', peer: ['2@h:1'] }, "--peer 2@h:1: expected the id of another server, got this server's own, 2 (--id)"],
    [
      { peer: ['1@h:1'] },
      "--peer 1@h:1: expected the id of another server, got this server's own, 1 (the default of server.id)",
    ],
    [{ peer: ['2@h:1', '2@i:1'] }, '--peer 2@i:1: expected each id once, got 2 again (first at --peer 2@h:1)'],
    [
      { address: '0.0.0.0:9', peer: ['2@127.0.0.1:9'] },
      "--peer 2@127.0.0.1:9: expected the address of another server, got this server's own, 127.0.0.1:9 (--address)",
    ],
  ])('%j', (flags, line) => {
    expect(flagLines(flags)).toEqual([line]);
  });

  test('several wrong ones are all told', () => {
    expect(flagLines({ id: 'x', address: 'y', peer: ['z'] })).toHaveLength(3);
  });

  test('a flag that clashes with the file: both are named', () => {
    expect(linesOf(`${SELF}[peers]\npeers = [{ id = 2, address = "b:1" }]`, { id: '2' })).toEqual([
      "s.toml: peers.peers[0].id: expected the id of another server, got this server's own, 2 (--id)",
    ]);
  });

  test('peers from flags need reserved places, too', () => {
    const toml = `${SELF}[peers]\npeers = [{ id = 2, address = "b:1" }]\n[limits]\nmax_connections = 2`;
    expect(load(toml).limits.maxConnections).toBe(2);
    expect(linesOf(toml, { peer: ['2@b:1', '3@c:1'] })).toEqual([
      's.toml: limits.max_connections: expected at least 3 (2 are reserved for the peers, which leaves none for clients), got 2',
    ]);
  });

  test('a missing file is undefined only if it may be', () => {
    expect(readServerFile('none.toml', { required: false })).toBeUndefined();
    expect(configErrorLines(() => loadServerConfig('none.toml', machine))).toEqual(['none.toml: no such file']);
  });
});

describe('the address that a server advertises', () => {
  test.each([
    ['127.0.0.1:8001', undefined, '127.0.0.1:8001'],
    ['0.0.0.0:8001', undefined, null],
    ['[::]:8001', undefined, null],
    ['[::0]:8001', undefined, null],
    ['[0:0:0:0:0:0:0:0]:8001', undefined, null],
    ['[::ffff:0.0.0.0]:8001', undefined, null],
    ['[::ffff:127.0.0.1]:8001', undefined, '[::ffff:127.0.0.1]:8001'],
    ['[::0]:8001', 'server1.lan:9', 'server1.lan:9'],
  ])('on %s, advertised as %s: %s', (address, advertiseAddress, expected) => {
    expect(advertisedAddress({ address, advertiseAddress })).toBe(expected);
  });
});
