import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { defaultsOf, loadConfig, parseConfig } from '../../src/config/load';
import { section, table } from '../../src/config/tables';
import { text, whole } from '../../src/config/value-types';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const schema = table({
  report: section({
    output_dir: v.optional(text().schema, './out'),
    machines: v.optional(
      v.array(table({ id: whole(1, 9).schema, host: v.optional(text().schema) }), 'a list of machines'),
      [],
    ),
  }),
});

const load = (path: string) => loadConfig(schema, path, { required: true });
const linesOf = (toml: string) => configErrorLines(() => parseConfig(schema, toml, 'f.toml'));

describe('files', () => {
  test('a valid file gives its values and the defaults', () => {
    const path = temp.file('good.toml', '\ufeff[report]\r\nmachines = [{ id = 3 }]\r\n');
    expect(load(path)).toEqual({ report: { output_dir: './out', machines: [{ id: 3 }] } });
    expect(defaultsOf(schema)).toEqual({ report: { output_dir: './out', machines: [] } });
  });

  test('a file of comments gives the defaults', () => {
    expect(load(temp.file('comments.toml', '# nothing set\n'))).toEqual(defaultsOf(schema));
  });

  test('a missing file is named, or undefined if it may be missing', () => {
    const path = join(temp.folder, 'none.toml');
    expect(configErrorLines(() => load(path))).toEqual([`${path}: no such file`]);
    expect(loadConfig(schema, path, { required: false })).toBeUndefined();
  });

  test.each([
    ['empty', '', 'is empty'],
    ['blank', ' \n\n', 'is empty'],
    ['huge', `# ${'x'.repeat(1024 * 1024)}`, 'is larger than 1 MiB, the limit for a configuration file'],
    ['binary', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0, 1]), 'is not UTF-8 text'],
    ['latin1', new Uint8Array([0x23, 0xe9]), 'is not UTF-8 text'],
    ['utf16', Buffer.from('\ufeffid = 1', 'utf16le'), 'is not UTF-8 text'],
  ])('a file that is %s', (name, content, reason) => {
    const path = temp.file(`${name}.toml`, content);
    expect(configErrorLines(() => load(path))).toEqual([`${path}: ${reason}`]);
    // A file that exists but is invalid is an error even if it may be missing.
    expect(configErrorLines(() => loadConfig(schema, path, { required: false }))).toHaveLength(1);
  });

  test('a folder, a link cycle, a path through a file, a too long and an impossible path', () => {
    const folder = join(temp.folder, 'folder.toml');
    mkdirSync(folder);
    expect(configErrorLines(() => load(folder))).toEqual([`${folder}: is a folder, expected a file`]);
    const circle = join(temp.folder, 'circle.toml');
    symlinkSync(circle, circle);
    expect(configErrorLines(() => load(circle))[0]).toContain('too many levels of symbolic links');
    const through = join(temp.file('plain', 'x'), 'a.toml');
    expect(configErrorLines(() => load(through))[0]).toContain('no such file');
    expect(configErrorLines(() => load('x'.repeat(300)))[0]).toContain('the path is too long');
    expect(configErrorLines(() => load('a\0b'))[0]).toContain('could not be read');
  });

  test('an unreadable file', () => {
    const path = temp.file('secret.toml', '[report]\n');
    chmodSync(path, 0o000);
    if (process.getuid?.() === 0) expect(load(path)).toBeDefined();
    else expect(configErrorLines(() => load(path))).toEqual([`${path}: no permission to read it`]);
  });

  test('an endless device is not read to its end', () => {
    expect(configErrorLines(() => load('/dev/zero'))[0]).toContain('is larger than 1 MiB');
  });
});

describe('keys and values', () => {
  test('TOML errors name file, line and column', () => {
    expect(linesOf('[report]\noutput_dir = out')).toEqual([
      'f.toml:2:14: not valid TOML: expected a value (text in quotes), got "out"',
    ]);
    expect(linesOf('[report]\nmachines = []\nmachines = []')).toEqual([
      'f.toml:3:1: not valid TOML: report.machines is set twice',
    ]);
  });

  test.each([
    ['[report]\noutput_dri = "x"', 'f.toml: report.output_dri: unknown key, did you mean "report.output_dir"?'],
    ['[reports]\noutput_dir = "x"', 'f.toml: reports: unknown key, did you mean "report"?'],
    ['output_dir = "x"', 'f.toml: output_dir: unknown key, did you mean "report.output_dir"?'],
    ['[report]\nbanana = 1', 'f.toml: report.banana: unknown key; known in report: output_dir, machines'],
    ['banana = 1', 'f.toml: banana: unknown key; known at the top: report'],
    ['[report]\n"a b" = 1', 'f.toml: report."a b": unknown key; known in report: output_dir, machines'],
    [
      '[report]\nmachines = [{ id = 1 }, { id = 2, hots = "x" }]',
      'f.toml: report.machines[1].hots: unknown key, did you mean "report.machines[1].host"?',
    ],
    ['[[report.machines]]\nhost = "x"', 'f.toml: report.machines[0].id: missing: expected a whole number from 1 to 9'],
    ['__proto__ = 1', 'f.toml: __proto__: unknown key; known at the top: report'],
    ['[__proto__]\nreport = 1', 'f.toml: __proto__: unknown key; known at the top: report'],
    ['[report.constructor]', 'f.toml: report.constructor: unknown key; known in report: output_dir, machines'],
    ['hasOwnProperty = 1', 'f.toml: hasOwnProperty: unknown key; known at the top: report'],
    ['toString = 1', 'f.toml: toString: unknown key; known at the top: report'],
    ['report = 3', 'f.toml: report: expected a table, got 3'],
    ['[[report]]', 'f.toml: report: expected a table, got a list'],
    ['report = 2025-10-31', 'f.toml: report: expected a table, got the date or time 2025-10-31'],
    ['[report.output_dir]', 'f.toml: report.output_dir: expected a text of 1 to 200 characters, got a table'],
    [
      '[report]\noutput_dir = 10:30:00',
      'f.toml: report.output_dir: expected a text of 1 to 200 characters, got the date or time 10:30:00',
    ],
    ['[report]\noutput_dir = ""', 'f.toml: report.output_dir: expected a text of 1 to 200 characters, got ""'],
    [
      '[report]\noutput_dir = "\\u001b[2J"',
      'f.toml: report.output_dir: expected a text of 1 to 200 characters, got "\\u001b[2J"',
    ],
    ['[report]\nmachines = "x"', 'f.toml: report.machines: expected a list of machines, got "x"'],
    ['[report.machines]\nid = 1', 'f.toml: report.machines: expected a list of machines, got a table'],
    ['[report]\nmachines = [1]', 'f.toml: report.machines[0]: expected a table, got 1'],
    [
      '[report]\nmachines = [{ id = "one" }]',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got "one"',
    ],
    [
      '[report]\nmachines = [{ id = 1.5 }]',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got 1.5',
    ],
    [
      '[report]\nmachines = [{ id = -inf }]',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got -inf',
    ],
    [
      '[report]\nmachines = [{ id = nan }]',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got nan',
    ],
    [
      '[report]\nmachines = [{ id = true }]',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got true',
    ],
    [
      '[report]\nmachines = [{ id = [] }]',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got an empty list',
    ],
  ])('%j', (toml, line) => {
    expect(linesOf(toml)).toEqual([line]);
  });

  test('all problems are reported, one per line', () => {
    expect(linesOf('banana = 1\n[report]\noutput_dir = 3\nmachines = [{ id = 0 }, {}]')).toEqual([
      'f.toml: banana: unknown key; known at the top: report',
      'f.toml: report.machines[1].id: missing: expected a whole number from 1 to 9',
      'f.toml: report.output_dir: expected a text of 1 to 200 characters, got 3',
      'f.toml: report.machines[0].id: expected a whole number from 1 to 9, got 0',
    ]);
  });

  test('thousands of problems stay readable and quick', () => {
    const toml = Array.from({ length: 50_000 }, (_, index) => `outputdir${index} = 1\n`).join('');
    const lines = linesOf(`[report]\n${toml}`);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('f.toml: and 49980 more');
  });

  test('a long value is truncated', () => {
    const [line] = linesOf(`[report]\noutput_dir = "${'x'.repeat(1000)}"`);
    expect(line).toContain(`got "${'x'.repeat(59)}…"`);
  });

  test('values are checked against each other once each is valid', () => {
    const check = () => [{ key: 'report.output_dir', text: 'expected something else' }];
    const parse = (toml: string) => configErrorLines(() => parseConfig(schema, toml, 'f.toml', check));
    expect(parse('[report]')).toEqual(['f.toml: report.output_dir: expected something else']);
    expect(parse('report = 1')).toEqual(['f.toml: report: expected a table, got 1']);
  });
});
