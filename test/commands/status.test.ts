import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { closeAll, deadAddress, statusServer } from '../status/listening';
import { cli, linesOf } from './capture';

afterEach(closeAll);

it('prints a table and what the servers agree on', async () => {
  const addresses = [await statusServer(1), await statusServer(2)];
  const { code, stdout, stderr } = await cli('status', '--server', ...addresses);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = linesOf(stdout);
  expect(lines[0]).toMatch(/^ID +ADDRESS/);
  expect(lines[2]).toContain(addresses[1]);
  expect(lines.at(-1)).toBe('all 2 servers follow server 1 in term 1');
});

it('ends with 4 if one is silent or disagrees', async () => {
  const address = await statusServer(1);
  const dead = await deadAddress();
  const { code, stdout } = await cli('status', '--server', address, '--server', dead);
  expect(code).toBe(4);
  expect(linesOf(stdout).at(-1)).toBe(`${dead}: no server is listening there`);
  const other = await statusServer(2, () => ({ leader_id: 2 }));
  expect((await cli('status', '--server', address, '--server', other, '--wait', '0')).code).toBe(4);
});

it('reports as JSON, with the same exit codes', async () => {
  const address = await statusServer(1);
  const good = await cli('status', '--json', '--server', address);
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ agreed: true, leader_id: 1, term: 1, servers: [{ asked: address }] });
  const bad = await cli('status', '--json', '--server', await deadAddress());
  expect(bad.code).toBe(4);
  expect(JSON.parse(bad.stdout)).toMatchObject({ agreed: false, leader_id: null });
});

it('asks the servers of the configuration', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-status-'));
  const file = path.join(folder, 'client.toml');
  writeFileSync(file, `[client]\nserver_addresses = ["${await statusServer(1)}", "${await statusServer(2)}"]\n`);
  const { code, stdout } = await cli('status', '--config', file);
  rmSync(folder, { recursive: true });
  expect(code).toBe(0);
  expect(stdout).toContain('all 2 servers');
});
