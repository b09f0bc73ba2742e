import { splitCommandLine } from '../../src/cli/command-line';
import { ClusterError } from '../../src/core/errors';

const IDS = ['server', 'client', 'client:hide', 'status'];
const split = (line: string) => splitCommandLine(line === '' ? [] : line.split(' '), IDS);

it.each([
  ['', { kind: 'rootHelp' }],
  ['--help', { kind: 'rootHelp' }],
  ['-h', { kind: 'rootHelp' }],
  ['help', { kind: 'rootHelp' }],
  ['--version', { kind: 'version' }],
  ['help client hide', { kind: 'help', id: 'client:hide' }],
  ['client --rate 1 --help', { kind: 'help', id: 'client' }],
  ['client hide -h', { kind: 'help', id: 'client:hide' }],
  ['client', { kind: 'run', id: 'client', rest: [] }],
  ['client hide a.png --out b', { kind: 'run', id: 'client:hide', rest: ['a.png', '--out', 'b'] }],
  ['client:hide a.png', { kind: 'run', id: 'client:hide', rest: ['a.png'] }],
  ['client photo.png', { kind: 'run', id: 'client', rest: ['photo.png'] }],
  ['client --name hide', { kind: 'run', id: 'client', rest: ['--name', 'hide'] }],
  ['client -- --help', { kind: 'run', id: 'client', rest: ['--', '--help'] }],
])('"%s"', (line, expected) => {
  expect(split(line)).toEqual(expected);
});

it.each([
  ['stauts', 'unknown command "stauts", did you mean "status"?'],
  ['Client', 'unknown command "Client", did you mean "client"?'],
  ['clinet hide', 'unknown command "clinet", did you mean "client hide"?'],
  ['wrong', 'unknown command "wrong"; known: server, client, client hide, status'],
  ['--versoin', 'unknown flag --versoin, did you mean "--version"?'],
  ['--json status', 'unknown flag --json; a command comes first: server, client, client hide, status'],
  ['\u001b[31mred', 'unknown command "\\u001b[31mred"; known: server, client, client hide, status'],
])('"%s" is wrong', (line, message) => {
  expect(() => split(line)).toThrow(new ClusterError('bad_usage', message));
});
