import { clientConfigOf } from '../../../src/config/client-config';
import { runConfigOf } from '../../../src/config/run-config';
import { loadServerConfig } from '../../../src/config/server-config';
import { stressConfigOf } from '../../../src/config/stress-config';
import { clientText, serverText, stressText } from '../../../src/run/remote/files.pure';
import { longestMs } from '../../../src/run/remote/limits.pure';
import { wantedPlaces } from '../../../src/run/remote/places';
import { remotePlanText } from '../../../src/run/remote/plan-text.pure';
import { useTempFolder } from '../../config/helpers';

const temp = useTempFolder();
const MACHINES = `
[[servers]]
id = 1
host = "anna@s1"
address = "s1.lab:8001"
work_dir = "it's a lab"
[[servers]]
id = 4
host = "s4"
address = "[fd00::4]:8004"
work_dir = "/srv/c"
[[clients]]
host = "c1"
work_dir = "/srv/c"`;

const EXECUTABLE = { path: 'dist/cloudp2p', system: 'Linux x86_64', content: Buffer.from('') };
const IMAGES = ['a.png', 'b.png', 'c.png'].map((name) => ({ name, bytes: Buffer.from(name) }));

const load = (toml = '') => runConfigOf({ config: temp.file('r.toml', `${toml}${MACHINES}`) }).config;

describe('generated files', () => {
  test('for servers are valid server configurations', () => {
    const { servers } = load().lab!;
    const read = (index: number) =>
      loadServerConfig(temp.file('s.toml', serverText(servers[index]!, servers)), { availableParallelism: 1 });
    expect(read(0)).toMatchObject({
      id: 1,
      address: '0.0.0.0:8001',
      advertiseAddress: 's1.lab:8001',
      pidFile: 'server_1.pid',
      peers: [{ id: 4, address: '[fd00::4]:8004' }],
      eventsFile: 'server_1_events.ndjson',
    });
    expect(read(1)).toMatchObject({ id: 4, address: '[::]:8004', peers: [{ id: 1, address: 's1.lab:8001' }] });
  });

  test('for clients are valid client configurations', () => {
    const file = temp.file('client.toml', clientText(load().lab!, 10_000));
    expect(clientConfigOf({ config: file })).toMatchObject({
      serverAddresses: ['s1.lab:8001', '[fd00::4]:8004'],
      requestTimeoutMs: 10_000,
    });
  });

  test.each([
    ['', { pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 }, durationMs: 343_000 }],
    [
      'requests_per_client = 7',
      { pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 }, totalRequests: 7 },
    ],
    [
      'rate_per_second = 0.5\narrivals = "poisson"\nduration_secs = 1.5\nramp_up_secs = 0.25',
      { pacing: { mode: 'rate', ratePerSecond: 0.5, arrivals: 'poisson' }, durationMs: 1500, rampUpMs: 250 },
    ],
  ])('for loads are valid stress configurations: %j', (toml, requests) => {
    const config = load(`[stress]\nnum_clients = 3\nwarmup_secs = 0.5\n${toml}\n[faults]\nnum_cycles = 1\n`);
    const text = stressText({
      machineId: 2,
      stress: config.stress,
      seed: 5,
      longestMs: 343_000,
      imageFolder: 'images_1',
    });
    expect(stressConfigOf({ config: temp.file('stress.toml', text) })).toMatchObject({
      machineId: 2,
      numClients: 3,
      seed: 5,
      warmupMs: 500,
      imageDirectory: './images_1',
      metricsDir: './metrics',
      requests,
      clientConfig: './config/client_stress.toml',
      isClientConfigRequired: false,
    });
  });
});

test('the time limit of a load covers everything that it does', () => {
  expect(longestMs(load('[faults]\nnum_cycles = 0\nfirst_fault_secs = 1\nfault_interval_secs = 2\n'))).toBe(306_000);
  expect(longestMs(load('[stress]\nduration_secs = 10\n'))).toBe(340_000);
  expect(longestMs(load('[stress]\nrequests_per_client = 2\nmin_delay_ms = 0\nmax_delay_ms = 1000\n'))).toBe(322_000);
  const rate = '[stress]\nrequests_per_client = 2\nrate_per_second = 10\nnum_clients = 5\n';
  expect(longestMs(load(rate))).toBe(10 * 10_100 + 300_000);
});

test('the plan names every step with host, file and command', () => {
  const config = load('[faults]\nnum_cycles = 1\n[report]\nthresholds = ["p99<1s"]\n');
  const parts = { config, lab: config.lab!, executable: EXECUTABLE, images: IMAGES };
  const plan = { ...parts, folder: 'runs/x', places: wantedPlaces({ ...parts, seed: 1 }), keep: false };
  expect(remotePlanText(plan).split('\n')).toEqual([
    '1. CONNECT: to 3 machines over SSH, in parallel: anna@s1, s4, c1',
    '2. CHECK MACHINES: Linux x86_64, free space and write permission in each work folder; no server and no load running there',
    '      each gets run.lock, which locks out other runs until the end',
    '3. COPY FILES: files that are missing or different, or have another mode, by SFTP:',
    "      dist/cloudp2p to anna@s1:it's a lab/cloudp2p, mode 755",
    "      anna@s1:it's a lab/config/server1.toml, mode 644",
    '      dist/cloudp2p to s4:/srv/c/cloudp2p, mode 755',
    '      s4:/srv/c/config/server4.toml, mode 644',
    '      dist/cloudp2p to c1:/srv/c/cloudp2p, mode 755',
    '      c1:/srv/c/config/client_stress.toml, mode 644',
    '      c1:/srv/c/config/stress.toml, mode 644',
    expect.stringMatching(/^ {6}3 images to c1:\/srv\/c\/images_[0-9a-f]{8}$/),
    '4. START SERVERS',
    '      WARN servers listen on all addresses of their machines without TLS ([tls]): anyone who can connect can read all traffic, send tasks and pose as a server',
    "      anna@s1: in it's a lab: server_1_events.ndjson of an earlier run, if any, is renamed to before_<time>_server_1_events.ndjson",
    "      anna@s1: in it's a lab: ./cloudp2p server --config config/server1.toml  (server 1, s1.lab:8001)",
    '      s4: in /srv/c: server_4_events.ndjson of an earlier run, if any, is renamed to before_<time>_server_4_events.ndjson',
    '      s4: in /srv/c: ./cloudp2p server --config config/server4.toml  (server 4, [fd00::4]:8004)',
    '5. START CLIENTS: 10 clients on each machine, each: as many requests as fit, 100 to 2000 ms think time; together ~9.5 requests/s; all start at the same time:',
    '      c1: in /srv/c: ./cloudp2p stress --config config/stress.toml --run-id … --start-at …  (machine 1)',
    '6. FAULT SIMULATION: by an agent on each machine; times from the start of the clients:',
    '            20 s  kill server 1',
    '            24 s  restart server 1',
    '            32 s  kill server 4',
    '            36 s  restart server 4',
    '7. WAIT FOR COMPLETION: 8 s more, then for requests in flight',
    '8. REPORT: of the files collected by SFTP:',
    '      c1:/srv/c/metrics',
    "      anna@s1:it's a lab/server_1_events.ndjson",
    '      s4:/srv/c/server_4_events.ndjson',
    '      into runs/x, thresholds p99<1s',
    '9. STOP: the servers, by SIGTERM to the processes of this run; files stay there',
  ]);
  expect(remotePlanText({ ...plan, keep: true })).toContain('9. STOP: nothing: --keep leaves the servers running');
});

test('the plan names the TLS files, and who may read them', () => {
  const toml = MACHINES.replaceAll('[[clients]]', 'cert = "tls/s4.crt"\nkey = "tls/s4.key"\n[[clients]]');
  const first = toml.replace('[[servers]]\nid = 4', 'cert = "tls/s1.crt"\nkey = "tls/s1.key"\n[[servers]]\nid = 4');
  const tlsToml = '[tls]\nca = "tls/ca.crt"\ncert = "tls/c.crt"\nkey = "tls/c.key"\n';
  const { config } = runConfigOf({ config: temp.file('t.toml', `${tlsToml}${first}`) });
  const pem = { ca: 'ca', cert: 'cert', key: 'key' };
  const tls = { client: pem, servers: new Map([1, 4].map((id) => [id, pem])) };
  const parts = { config, lab: config.lab!, executable: EXECUTABLE, tls };
  const plan = { ...parts, folder: 'runs/x', places: wantedPlaces({ ...parts, seed: 1 }), keep: false };
  const lines = remotePlanText(plan)
    .split('\n')
    .map((line) => line.trim());
  expect(lines.filter((line) => line.includes('WARN'))).toEqual([]);
  expect(lines.filter((line) => line.startsWith('tls/'))).toEqual([
    "tls/ca.crt to anna@s1:it's a lab/config/tls/ca.pem, mode 644",
    "tls/s1.crt to anna@s1:it's a lab/config/tls/server1.pem, mode 644",
    "tls/s1.key to anna@s1:it's a lab/config/tls/server1-key.pem, mode 600",
    'tls/ca.crt to s4:/srv/c/config/tls/ca.pem, mode 644',
    'tls/s4.crt to s4:/srv/c/config/tls/server4.pem, mode 644',
    'tls/s4.key to s4:/srv/c/config/tls/server4-key.pem, mode 600',
    'tls/ca.crt to c1:/srv/c/config/tls/ca.pem, mode 644',
    'tls/c.crt to c1:/srv/c/config/tls/client.pem, mode 644',
    'tls/c.key to c1:/srv/c/config/tls/client-key.pem, mode 600',
  ]);
});
