import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Secure } from '../../src/core/transport/tls';
import { randomBytes } from '../imaging/pictures';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { clientOf, closeAll } from './clients';
import { ScriptedServer } from './scripted-server';

if (!HAS_OPENSSL) console.log('openssl is not there: the tests of TLS are skipped');
const withOpenssl = HAS_OPENSSL ? it : it.skip;

const image = { name: 'x', bytes: randomBytes(1000) };
const servers: ScriptedServer[] = [];
let folder: string;
let lab: LabCa;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-reported-'));
  if (HAS_OPENSSL) lab = new LabCa(folder);
});
afterEach(async () => {
  await closeAll();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Requests through server 1, the only configured one, which assigns to a server 2 that shows this certificate. */
async function sentTo(certificate: string, requestTimeoutMs = 1000) {
  const secureOf = (name: string): Secure => new Secure(lab.pem(name));
  const unlisted = await ScriptedServer.start(2, {}, secureOf(certificate));
  const namer = await ScriptedServer.start(
    1,
    { onAsk: (ask, self) => self.assign(ask, unlisted), onTask: () => undefined },
    secureOf('server-1'),
  );
  servers.push(unlisted, namer);
  const lines: string[] = [];
  const log = (_: string, text: string): void => void lines.push(text);
  const client = clientOf([namer], { secure: secureOf('client'), requestTimeoutMs, log });
  return { record: await client.request(image, 1), unlisted, lines };
}

withOpenssl('an address that only a server named is used if the certificate there names the server', async () => {
  const { record, unlisted } = await sentTo('server-2', 5000);
  expect(record).toMatchObject({ success: true, assigned_server_id: 2, retry_count: 0 });
  expect(unlisted.all('StatusQuery').length).toBe(1);
});

withOpenssl("a server that shows another server's certificate receives nothing", async () => {
  const { record, unlisted, lines } = await sentTo('server-3');
  expect(record.success).toBe(false);
  expect(unlisted.heard).toEqual([]);
  expect(lines.find((line) => line.startsWith('TLS with'))).toMatch(
    /its certificate names DNS:server-3, not 127\.0\.0\.1 or server-2$/,
  );
});
