import { readSources } from './import-graph';

/**
 * Functions that change the file system by a path. Writing to an open descriptor is not included: something has opened
 * it.
 */
const CHANGES =
  /^(appendFile|chmod|chown|copyFile|cp|createWriteStream|lchown|link|lutimes|mkdir|mkdtemp|rename|rm|rmdir|symlink|truncate|unlink|utimes|writeFile)(Sync)?$/;
/** Matches opening for writing; other opens only read. */
const OPENS_TO_WRITE = /\bopen(?:Sync)?\([^;]*?(?:'[aw]x?\+?'|'r\+'|O_(?:WRONLY|RDWR|CREAT))/;

/** Files that may, besides src/files, with the reason. */
const EXCEPTIONS: Record<string, string> = {
  'src/faults/agent/lock.ts': 'a lock appears by a link and is taken over by a rename',
  'src/faults/drivers/server-log.ts': 'a log in a folder of others is opened without following links',
  'src/ssh/sftp.ts': 'an interrupted download goes on in a file that has its own name',
  'src/report/collect/collect-remote.ts': 'removes what is left of downloads',
};

/** The calls in a source that change files without src/files. */
function changesIn(source: string): string[] {
  const imports = [...source.matchAll(/import (\*|(?:[^;]*?))[^;]*? from '(?:node:)?fs(?:\/promises)?';/g)];
  const found = imports.flatMap(([whole]) => {
    const names = /\{([^}]*)\}/
      .exec(whole)?.[1]
      ?.split(',')
      .map((name) => name.trim().split(/\s/)[0]!);
    return names === undefined ? ['all of node:fs'] : names.filter((name) => CHANGES.test(name));
  });
  return OPENS_TO_WRITE.test(source) ? [...found, 'open to write'] : found;
}

describe('files are written, moved, made and removed in src/files only', () => {
  it('everywhere', () => {
    const sources = [...readSources('src')].filter(([file]) => !file.startsWith('src/files/') && !(file in EXCEPTIONS));
    expect(sources.length).toBeGreaterThan(100);
    const found = sources.flatMap(([file, source]) => changesIn(source).map((what) => `${file}: ${what}`));
    expect(found).toEqual([]);
  });

  it.each([
    "import { readFileSync, writeFileSync } from 'node:fs';",
    "import { rename } from 'fs/promises';",
    "import {\n  mkdirSync as make,\n  statSync,\n} from 'node:fs';",
    "import * as fs from 'node:fs';",
    "const fd = openSync(file, 'a');",
    'await open(file, constants.O_CREAT | constants.O_EXCL);',
  ])('a breach is noticed: %s', (source) => expect(changesIn(source)).toHaveLength(1));

  it.each([
    "import { openSync, readFileSync } from 'node:fs';\nopenSync(file, 'r');",
    "import { open } from './elsewhere';\nopen(file);",
    'const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);',
  ])('reading is allowed: %s', (source) => expect(changesIn(source)).toEqual([]));
});
