import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Secure } from '../../src/core/transport/tls';
import { Cluster } from '../support/cluster';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { longestGapMs, startLoad } from '../support/client-load';
import { inFolder, PROGRAM, runProgram, type Ended } from '../support/program';
import { RawConnection, plain } from '../support/raw';
import { expectHeld, verdicts } from '../support/verdicts';
import { settled } from '../support/in-cluster';
import { goodCodeIn } from '../support/good-code';

const PICTURE = path.join(__dirname, '../../test_images/small.png');
const SMALL = { name: 'small.png', bytes: readFileSync(PICTURE) };

if (!HAS_OPENSSL) console.log('openssl is not there: the tests of TLS are skipped');
const withOpenssl = HAS_OPENSSL ? test : test.skip;

/** Runs `body` with three servers that use the certificates of docs/tls.md, and a client's file. */
async function inSecureCluster(
  body: (cluster: Cluster, lab: LabCa, folder: string) => Promise<void>,
  tlsOf: (lab: LabCa, id: number) => string = (lab, id) => lab.toml(`server-${id}`),
): Promise<void> {
  await inFolder(async (folder) => {
    const lab = new LabCa(folder);
    const extraToml = (id: number): string => tlsOf(lab, id);
    const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 3, extraToml });
    writeClientFile(cluster, lab, folder, 'client');
    try {
      cluster.startAll();
      await body(cluster, lab, folder);
    } finally {
      await cluster.stop();
    }
  });
}

function writeClientFile(cluster: Cluster, lab: LabCa, folder: string, name: string): string {
  const file = path.join(folder, `${name}.toml`);
  writeFileSync(
    file,
    `[client]\nserver_addresses = ${JSON.stringify(cluster.addresses)}\nrequest_timeout_secs = 3\n${lab.toml(name)}`,
  );
  return file;
}

const said = (cluster: Cluster, id: number, text: string): number =>
  (cluster.output.get(id) ?? '').split(text).length - 1;

withOpenssl(
  'three servers, a killed leader, and every client command, with TLS',
  async () => {
    await inSecureCluster(async (cluster, lab, cwd) => {
      await cluster.ready();
      await cluster.agreement();
      const secure = new Secure(lab.pem('client'));
      const load = startLoad({ addresses: cluster.addresses, clients: 6, image: SMALL, thinkMs: 5, secure });
      const run = (...args: string[]): Promise<Ended> => runProgram([...args, '--config', 'client.toml'], { cwd });
      const status = await run('status', '--json');
      expect(status).toMatchObject({ code: 0, stderr: '' });
      const { leaderId } = await cluster.agreement();
      expect(JSON.parse(status.stdout)).toMatchObject({ agreed: true, leader_id: leaderId });
      const before = load.records.length;
      await cluster.until('requests succeed', () => load.records.length > before + 100);
      await cluster.kill(leaderId);
      await cluster.agreement(cluster.ids.filter((id) => id !== leaderId));
      const after = load.records.length;
      await cluster.until('requests succeed without it', () => load.records.length > after + 100);
      cluster.restart(leaderId);
      await cluster.ready();
      await cluster.agreement();
      await load.stop();
      await settled(cluster);
      expect(load.records.filter(({ success }) => !success)).toEqual([]);
      expect(longestGapMs(load.records)).toBeLessThan(1000);
      expectHeld(verdicts(cluster, load.records));

      expect(await run('client', 'hide', PICTURE, '--out', 'carrier.png')).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(path.join(cwd, 'carrier.png'))).toBe(true);
      const client = await run('client', '--requests', '5', '--rate', '50', '--json');
      expect(client).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(client.stdout)).toMatchObject({
        aggregated_stats: { successful_requests: 5, failure_reasons: {} },
      });
      const few = ['--clients', '2', '--requests', '3', '--min-delay-ms', '0', '--max-delay-ms', '0', '--json'];
      const stress = await runProgram(['stress', '--client-config', 'client.toml', ...few], { cwd });
      expect(stress).toMatchObject({ code: goodCodeIn(cwd), stderr: '' });
      expect(JSON.parse(stress.stdout)).toMatchObject({ aggregated_stats: { successful_requests: 6 } });
      const files = ['--ca', lab.file('ca.crt'), '--cert', lab.file('client.crt'), '--key', lab.file('client.key')];
      const servers = cluster.addresses.flatMap((address) => ['--server', address]);
      expect(await runProgram(['status', ...servers, ...files], { cwd })).toMatchObject({ code: 0 });
      for (const id of cluster.ids) expect(cluster.output.get(id)).not.toMatch(/TLS|\[tls\]/);
    });
  },
  90_000,
);

withOpenssl(
  'a paused leader with TLS: another takes over, and it follows that one when resumed',
  async () => {
    await inSecureCluster(async (cluster, lab) => {
      await cluster.ready();
      const { leaderId } = await cluster.agreement();
      const secure = new Secure(lab.pem('client'));
      const load = startLoad({ addresses: cluster.addresses, clients: 4, image: SMALL, thinkMs: 20, secure });
      cluster.pause(leaderId);
      const next = await cluster.agreement(cluster.ids.filter((id) => id !== leaderId));
      const before = load.records.length;
      await cluster.until('requests succeed without it', () => load.records.length > before + 50);
      cluster.resume(leaderId);
      await cluster.until('all follow the new leader', () => cluster.agreed(cluster.ids) !== null, 3000);
      expect(await cluster.agreement()).toEqual(next);
      await load.stop();
      await settled(cluster);
      expect(load.records.filter(({ success }) => !success)).toEqual([]);
      expectHeld(verdicts(cluster, load.records));
    });
  },
  60_000,
);

withOpenssl(
  'without a good certificate no connection is accepted, and each side says why',
  async () => {
    await inSecureCluster(async (cluster, _lab, cwd) => {
      await cluster.ready();
      await cluster.agreement();
      const [first] = cluster.addresses as [string];
      const status = (...more: string[]) => runProgram(['status', '--server', first, ...more], { cwd });

      const clear = await status();
      expect(clear).toMatchObject({ code: 4 });
      expect(clear.stdout).toContain('it speaks TLS, for which there is no [tls] in the configuration here');
      const raw = await RawConnection.open(first);
      expect(await raw.ask({ StatusQuery: {} })).toMatchObject({ Error: { code: 'tls_needed' } });
      await raw.closed();
      await cluster.until('server 1 says it', () => said(cluster, 1, 'TLS with a caller from 127.0.0.1') > 0);
      // A good client of the same host in between is no reason to repeat it for the bad one.
      expect(await status('--config', 'client.toml')).toMatchObject({ code: 0 });
      for (let i = 0; i < 3; i += 1) (await RawConnection.open(first)).send(plain({ StatusQuery: {} }));

      mkdirSync(path.join(cwd, 'other'));
      const other = new LabCa(path.join(cwd, 'other'));
      // Valid files, but of a CA that the servers do not know.
      const strange = writeClientFile(cluster, other, path.join(cwd, 'other'), 'client');
      const refused = await runProgram(['stress', '--client-config', strange, '--wait', '1', '--clients', '1'], {
        cwd,
      });
      expect(refused).toMatchObject({ code: 4 });
      const why = 'its certificate was not signed by the CA that is configured here ([tls] ca)';
      expect(refused.stderr).toContain(`${first}: ${why}`);
      const few = ['--config', strange, '--requests', '1', '--rate', '50', '--metrics-output', 'm.json'];
      const client = await runProgram(['client', ...few], { cwd });
      expect(client).toMatchObject({ code: 4 });
      expect(client.stdout).toContain(`no server could be reached: ${first}: ${why}`);
      expect(JSON.parse(readFileSync(path.join(cwd, 'm.json'), 'utf8'))).toMatchObject({
        aggregated_stats: { failure_reasons: { 'Connection refused': 1 } },
      });
      const log = readFileSync(path.join(cwd, 'm.log'), 'utf8');
      expect(log.split(`TLS with ${first}: ${why}`)).toHaveLength(2);
      expect(said(cluster, 1, 'it does not speak TLS')).toBe(1);
      await cluster.agreement();
    });
  },
  60_000,
);

withOpenssl(
  "a server with an expired or another's certificate is excluded until it has a good one, logged once by each",
  async () => {
    await inSecureCluster(
      async (cluster, lab) => {
        await cluster.ready();
        const { leaderId } = await cluster.agreement([1, 2]);
        expect([1, 2]).toContain(leaderId);
        const complaint = `TLS with server 3 (${cluster.address(3)}): its certificate names DNS:server-2`;
        await cluster.until('both complain', () => [1, 2].every((id) => said(cluster, id, complaint) > 0));
        await cluster.agreement([1, 2]);
        for (const id of [1, 2]) expect(said(cluster, id, complaint)).toBe(1);
        const own = 'names DNS:server-2, but peers look for server-3 or the host they dial (127.0.0.1)';
        expect(said(cluster, 3, `WARN the certificate of [tls] cert ${own}`)).toBe(1);
        cluster.signal(3, 'SIGTERM');
        await cluster.exited(3);
        for (const kind of ['crt', 'key']) copyFileSync(lab.file(`server-3.${kind}`), lab.file(`used.${kind}`));
        cluster.start(3);
        await cluster.agreement();
      },
      (lab, id) => {
        if (id !== 3) return lab.toml(`server-${id}`);
        for (const kind of ['crt', 'key']) copyFileSync(lab.file(`server-2.${kind}`), lab.file(`used.${kind}`));
        return lab.toml('used');
      },
    );
  },
  60_000,
);

withOpenssl(
  'a program does not start with files that nobody could accept: exit 2, one line',
  async () => {
    await inFolder(async (folder) => {
      const lab = new LabCa(folder);
      lab.make('expired', { from: '20200101000000Z', until: '20200201000000Z' });
      lab.make('weak', { newKey: ['-newkey', 'rsa:1024', '-nodes'] });
      const start = async (tls: string): Promise<Ended> => {
        writeFileSync(path.join(folder, 's.toml'), `[server]\nid = 1\naddress = "127.0.0.1:1"\n${tls}`);
        return runProgram(['server', '--config', 's.toml'], { cwd: folder, timeoutMs: 20_000 });
      };
      const [expired, missing] = [await start(lab.toml('expired')), await start(lab.toml('none'))];
      expect(expired).toMatchObject({ code: 2, stdout: '' });
      expect(expired.stderr).toBe(
        `Error: s.toml: tls.cert: ${lab.file('expired.crt')}: the certificate expired on Feb  1 00:00:00 2020 GMT\n`,
      );
      expect(missing).toMatchObject({ code: 2 });
      expect(missing.stderr).toContain(`s.toml: tls.key: ${lab.file('none.key')}: no such file`);
      const weak = await start(lab.toml('weak'));
      expect(weak).toMatchObject({ code: 2, stdout: '' });
      expect(weak.stderr).toBe(
        `Error: s.toml: tls.cert: ${lab.file('weak.crt')}: OpenSSL does not accept it: ee key too small\n`,
      );
      const half = await runProgram(['status', '--ca', lab.file('ca.crt')], { cwd: folder });
      expect(half).toMatchObject({
        code: 2,
        stderr: 'Error: --ca, --cert and --key: expected all three or none\n',
      });
    });
  },
  60_000,
);

test('a reachable server says once that it runs without TLS', async () => {
  await inFolder(async (folder) => {
    const warning = 'without TLS ([tls]): anyone who can connect can read all traffic, send tasks and pose as a server';
    for (const [host, count] of [
      ['0.0.0.0', 1],
      ['127.0.0.1', 0],
    ] as const) {
      const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 1 });
      const toml = path.join(cluster.folder(1), 'server.toml');
      writeFileSync(toml, readFileSync(toml, 'utf8').replace('address = "127.0.0.1:', `address = "${host}:`));
      try {
        cluster.start(1);
        await cluster.ready();
      } finally {
        await cluster.stop();
      }
      expect(said(cluster, 1, warning)).toBe(count);
    }
  });
}, 30_000);
