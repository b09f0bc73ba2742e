import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { closeAll, startServers } from '../client/clients';
import { carrierOf, type Script } from '../client/scripted-server';
import { randomBytes } from '../imaging/pictures';
import { deadAddress } from '../status/listening';
import { cli } from './capture';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-client-'));
  mkdirSync(at('images'));
  writeFileSync(at('images', 'a.png'), randomBytes(300));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

describe('the exit code of client', () => {
  const client = (...flags: string[]) =>
    cli('client', '--image-dir', at('images'), '--min-delay-ms', '0', '--max-delay-ms', '0', ...flags);
  const refuse: Script['onTask'] = (task, self) => self.refuse(task, 'secret_too_large', 'too large');
  const everyOther: Script['onTask'] = (task, self) =>
    task.message.request_id % 2 === 0 ? self.answer(task) : self.refuse(task, 'internal', 'no');

  it.each<[string, number, Script['onTask'], string[]]>([
    ['all went well', 0, (task, self) => self.answer(task), ['--requests', '3']],
    ['one request of three was successful', 0, everyOther, ['--requests', '3']],
    ['every request failed', 3, refuse, ['--requests', '3']],
    ['every request failed, as JSON', 3, refuse, ['--requests', '3', '--json']],
    ['every request of a duration failed', 3, refuse, ['--duration', '0.05']],
    ['a carrier was wrong', 3, (task, self) => self.answer(task, carrierOf(randomBytes(5))), ['--requests', '3']],
  ])('%s: %i', async (_, expected, onTask, flags) => {
    const [server] = await startServers({ onTask });
    const { code, stderr } = await client('--server', server!.address, ...flags);
    expect({ code, stderr }).toEqual({ code: expected, stderr: '' });
  });

  it('no server available: 4', async () => {
    const config = at('client.toml');
    const server_addresses = `["${await deadAddress()}"]`;
    writeFileSync(config, `[client]\nserver_addresses = ${server_addresses}\nrequest_timeout_secs = 0.1\n`);
    expect(await client('--config', config, '--requests', '1')).toMatchObject({ code: 4, stderr: '' });
  });
});

describe('client reveal', () => {
  it('never overwrites the carrier with the image in it', async () => {
    const carrier = carrierOf(randomBytes(300));
    writeFileSync(at('c.png'), carrier);
    const { code, stdout, stderr } = await cli('client', 'reveal', at('c.png'), '--out', at('images', '..', 'c.png'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch('is the carrier itself and would be overwritten');
    expect(readFileSync(at('c.png')).equals(carrier)).toBe(true);
    expect(await cli('client', 'reveal', at('c.png'), '--out', at('i.png'))).toMatchObject({ code: 0, stderr: '' });
  });
});
