import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LocalServer } from '../../../src/faults/drivers/local-server';
import type { ProcessInfo } from '../../../src/faults/drivers/process-info';
import { isServerCommand } from '../../../src/faults/drivers/server-command';
import { serverOf } from '../ring-rig';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'cloudp2p-command-')));
  for (const name of ['bin', 'config']) mkdirSync(path.join(folder, name));
  for (const name of ['p2p', 'bin/run.js', 'own.cjs']) writeFileSync(path.join(folder, name), '');
  symlinkSync('p2p', path.join(folder, 'another-name'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Case {
  id?: number;
  config?: string;
  /** As configured; relative to the folder. */
  command?: string[];
  /** Relative to the folder; null if the system does not tell. */
  exe?: string | null;
  isSplit?: boolean;
}

function isServer(words: string[], how: Case = {}): boolean {
  const {
    id = 1,
    config = 'config/server1.toml',
    command = ['./cloudp2p'],
    exe = '/usr/bin/node',
    isSplit = false,
  } = how;
  const server: LocalServer = { ...serverOf(id), workDir: folder, config, command };
  const places = { exe: exe === null ? null : path.resolve(folder, exe), cwd: exe === null ? null : folder };
  return isServerCommand(server, config, { words, isSplit, ...places } as ProcessInfo);
}

const CONFIG = ['--config', 'config/server1.toml'];

describe('a command that starts a server is recognized', () => {
  test.each<[string[], Case?]>([
    [['./cloudp2p', 'server', ...CONFIG], { exe: 'cloudp2p' }],
    [['cloudp2p', 'server', '--config=config/server1.toml'], { exe: '/usr/local/bin/cloudp2p' }],
    [['cloudp2p', 'server'], { exe: '/usr/local/bin/cloudp2p-1.2' }],
    [['cloudp2p', 'server', '--id', '1', '--peer', '2@h:1'], { exe: 'cloudp2p' }],
    [['cloudp2p', 'server', '--log-level', 'debug', ...CONFIG, '--until-stdin-ends'], { exe: 'cloudp2p' }],
    [['cloudp2p', 'server', '--config', 'other', ...CONFIG], { exe: 'cloudp2p' }],
    [['node', 'bin/run.js', 'server', ...CONFIG]],
    [['node', '--enable-source-maps', '/opt/x/bin/dev.js', 'server', ...CONFIG]],
    [['/usr/bin/node', '/usr/local/bin/cloudp2p', 'server', ...CONFIG]],
    [['node', 'dist/cloudp2p.cjs', 'server', ...CONFIG]],
    [['node', 'own.cjs', 'server', ...CONFIG], { command: ['node', 'own.cjs'] }],
    [['./p2p', 'server', ...CONFIG], { exe: 'p2p', command: ['./p2p'] }],
    [['./p2p', 'server', ...CONFIG], { exe: 'p2p', command: ['./another-name'] }],
    [['./cloudp2p', 'server', '--config', 'a b.toml'], { exe: 'cloudp2p', config: 'a b.toml' }],
    [['/a', 'b/cloudp2p', 'server', '--config', 'a', 'b.toml'], { exe: null, isSplit: true, config: 'a b.toml' }],
    [['cloudp2p', 'server', ...CONFIG], { exe: null }],
  ])('%j', (...[words, how]) => {
    expect(isServer(words, how)).toBe(true);
  });
});

describe('a similar command is not', () => {
  test.each<[string[], Case?]>([
    [[]],
    [['server']],
    [['sleep', 'server'], { exe: '/usr/bin/sleep' }],
    [['cloudp2p', 'server', ...CONFIG], { exe: '/usr/bin/sleep' }],
    [['node', 'victim.js', 'server', ...CONFIG]],
    [['node', 'server', ...CONFIG], { command: ['/usr/bin/node', 'own.cjs'] }],
    [['./cloudp2p', 'client', 'server'], { exe: 'cloudp2p' }],
    [['./cloudp2p', 'server', '--config', 'config/server2.toml'], { exe: 'cloudp2p' }],
    [['./cloudp2p', 'server', ...CONFIG, '--config', 'other'], { exe: 'cloudp2p' }],
    [['./cloudp2p', 'server', '--config'], { exe: 'cloudp2p' }],
    [['./cloudp2p', 'server', '--id', '2', ...CONFIG], { exe: 'cloudp2p' }],
    [['./cloudp2p', 'server'], { exe: 'cloudp2p', config: 'mine.toml' }],
    [['./cloudp2print', 'server', ...CONFIG], { exe: 'cloudp2print' }],
    [['/a', 'b/cloudp2p', 'server', '--config', 'a', 'c.toml'], { exe: null, isSplit: true, config: 'a b.toml' }],
  ])('%j', (...[words, how]) => {
    expect(isServer(words, how)).toBe(false);
  });
});
