import { chmodSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { copyFiles } from '../../../src/run/remote/prepare';
import { useTempFolder } from '../../config/helpers';
import { machineHere } from '../machine-here';

const temp = useTempFolder();
const PROGRAM = { path: 'cloudp2p', content: Buffer.from('#!/bin/sh\necho "cloudp2p/1.0.0 x"\n'), mode: 0o755 };
const KEY = { path: 'config/tls/server1-key.pem', content: Buffer.from('secret'), mode: 0o600 };
const FILES = [PROGRAM, KEY];

function place() {
  const dir = mkdtempSync(path.join(temp.folder, "it's a "));
  mkdirSync(path.join(dir, 'config/tls'), { recursive: true });
  const { machine, done } = machineHere('s1', temp.folder);
  const copy = () => copyFiles({ machine, workDir: dir, files: FILES }, dir, '1.0.0');
  return { dir, done, copy, at: (file: string): string => path.join(dir, file) };
}

test('existing files are not copied again', async () => {
  const { copy, done, at } = place();
  expect(await copy()).toEqual(['copied cloudp2p, config/tls/server1-key.pem']);
  expect(readFileSync(at(KEY.path), 'utf8')).toBe('secret');
  done.length = 0;
  expect(await copy()).toEqual([]);
  expect(done).toEqual([]);
});

test('a readable key and a program without x get their modes', async () => {
  const { copy, done, at } = place();
  await copy();
  done.length = 0;
  chmodSync(at(KEY.path), 0o644);
  chmodSync(at(PROGRAM.path), 0o644);
  expect(await copy()).toEqual(['set the mode of cloudp2p, config/tls/server1-key.pem']);
  expect(FILES.map((file) => statSync(at(file.path)).mode & 0o777)).toEqual([0o755, 0o600]);
  expect(done).toEqual([`chmod ${at(PROGRAM.path)}`, `chmod ${at(KEY.path)}`]);
});
