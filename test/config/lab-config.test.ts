import { runConfigOf, type RunFlags } from '../../src/config/run-config';
import type { TlsFiles } from '../../src/config/tls';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string, flags: RunFlags = {}) =>
  runConfigOf({ config: temp.file('r.toml', toml), ...flags }).config;
const linesOf = (toml: string) =>
  configErrorLines(() => load(toml)).map((line) => line.replace(`${temp.folder}/r.toml: `, ''));

const server = (id: number, more: Record<string, string> = {}): string => {
  const { host = `s${id}.lab`, address = `s${id}.lab:8001`, work_dir = 'c' } = more;
  return `[[servers]]\nid = ${id}\nhost = "${host}"\naddress = "${address}"\nwork_dir = "${work_dir}"\n`;
};
const client = (host: string, more = ''): string => `[[clients]]\nhost = "${host}"\nwork_dir = "c"\n${more}\n`;
const LAB = `${server(1)}${server(2)}${client('c1')}`;

test('lists of machines make a run over SSH', () => {
  const { lab, servers, binary, faults } = load(
    `[run]\nbinary = "b"\n[faults]\nkind = ["pause", "partition=2"]\ntarget = "leader"\n` +
      `${server(3, { host: 'anna@s3:2222', work_dir: "~/it's a lab/" })}${server(7, { work_dir: '/' })}` +
      `${client('c1')}${client('c2', 'machine_id = 9')}${client('c3')}`,
  );
  expect(lab).toEqual({
    servers: [
      { id: 3, host: 'anna@s3:2222', address: 's3.lab:8001', workDir: "it's a lab", tls: undefined },
      { id: 7, host: 's7.lab', address: 's7.lab:8001', workDir: '/', tls: undefined },
    ],
    tls: undefined,
    clients: [
      { machineId: 1, host: 'c1', workDir: 'c' },
      { machineId: 9, host: 'c2', workDir: 'c' },
      { machineId: 3, host: 'c3', workDir: 'c' },
    ],
  });
  expect({ servers, binary }).toEqual({ servers: 2, binary: 'b' });
  expect(faults.spec).toMatchObject({ target: 'leader', kinds: [{ kind: 'pause' }, { kind: 'partition', weight: 2 }] });
});

test('each server has its certificate, and all clients share one', () => {
  const tls = '[tls]\nca = "ca"\ncert = "c"\nkey = "k"\n';
  const one = `[[servers]]\nid = 1\nhost = "s1"\naddress = "s1:1"\nwork_dir = "w"\n`;
  const { lab } = load(`${tls}${one}cert = "c1"\nkey = "k1"\n${client('c1')}`);
  const pathsOf = (files: TlsFiles | undefined) => Object.values(files!).map((file) => file.path);
  expect(pathsOf(lab!.tls)).toEqual(['ca', 'c', 'k']);
  expect(pathsOf(lab!.servers[0]!.tls)).toEqual(['ca', 'c1', 'k1']);
  expect(linesOf(`${tls}${LAB}`)[0]).toBe('servers[0].cert: missing: expected a path, because of tls.ca');
  expect(linesOf(`[tls]\nca = "ca"\n${LAB}`)[0]).toBe('tls.cert: missing: expected a path beside tls.ca');
  expect(linesOf(`${one}cert = "x"\n${client('c1')}`)).toEqual(['servers[0].cert: expected tls.ca beside it']);
  expect(linesOf(tls)).toEqual([
    'tls: expected [[servers]] and [[clients]] beside it: a run on this machine does not use TLS',
  ]);
});

test('without machines there is no lab', () => {
  expect(load('[run]')).toMatchObject({ lab: undefined, servers: 3 });
});

test.each([
  [server(1), 'clients: expected at least one [[clients]]: a run over SSH needs servers and client machines'],
  [client('c1'), 'servers: expected at least one [[servers]]: a run over SSH needs servers and client machines'],
  [`${LAB}${server(2, { address: 'x:1' })}`, 'servers[2].id: expected each once, got 2 again (first at servers[1])'],
  [
    `${LAB}${server(3, { address: 'S1.lab:8001' })}`,
    'servers[2].address: expected each once, got s1.lab:8001 again (first at servers[0])',
  ],
  [
    `${LAB}${client('c2', 'machine_id = 1')}`,
    'clients[1].machine_id: expected each once, got 1 again (first at clients[0])',
  ],
  [`${LAB}${client('c1')}`, 'clients[1].work_dir: expected each once, got c on c1 again (first at clients[0])'],
  [`${LAB}${client('-oProxyCommand=id')}`, 'clients[1].host: expected [user@]host[:port], got "-oProxyCommand=id"'],
  [
    `${LAB}${server(3, { host: 's' })}`,
    'servers[2].host: expected a name of at least two characters, or user@s: a single letter is taken for a drive',
  ],
  [`${LAB}${server(3, { host: 'a b' })}`, 'servers[2].host: expected [user@]host[:port], got "a b"'],
  [`[run]\nservers = 2\n${LAB}`, 'run.servers: expected no value: [[servers]] lists the servers, got 2'],
  [`[run]\nport = 2\n${LAB}`, 'run.port: expected no value: [[servers]] lists the servers, got 2'],
  ['[run]\nbinary = "x"', 'run.binary: expected [[servers]] and [[clients]] beside it: it is copied to other machines'],
  [`${LAB}[[servers]]\nid = 3`, 'servers[2].host: missing: expected a text of 1 to 200 characters'],
  [
    `${LAB}${server(3, { work_dir: 'a\\u001b' })}`,
    'servers[2].work_dir: expected a text of 1 to 1024 characters, got "a\\u001b"',
  ],
  [`${LAB}${server(3, { address: '0.0.0.0:1' })}`, /^servers\[2\]\.address: expected HOST:PORT .* got "0\.0\.0\.0:1"$/],
  [
    `[faults]\ntarget = [3]\n${LAB}`,
    /faults\.target: expected one of .* or ids of servers \(1, 2\), each once, got "3"$/,
  ],
])('%j', (toml, line) => {
  const [first] = linesOf(toml);
  if (typeof line === 'string') expect(first).toBe(line);
  else expect(first).toMatch(line);
});

test.each(['servers', 'port'] as const)('--%s is only for servers of this machine', (key) => {
  const text = `--${key}: applies to servers on this machine, but the file lists [[servers]] of other machines`;
  expect(() => load(LAB, { [key]: '2' })).toThrow(text);
});
