import { againstDirection, roomOf } from './direction';
import { circlesIn, type Edge, importsOf, readSources } from './import-graph';

const sources = readSources('src');
const edges = importsOf(sources);

const edge = (from: string, to: string, isTypeOnly = false): Edge => ({ from, to, isTypeOnly });

describe('the direction commands → features → core', () => {
  it('holds', () => {
    expect(edges.length).toBeGreaterThan(100);
    expect(againstDirection(edges)).toEqual([]);
  });

  it.each([
    ['a feature that imports a command', edge('src/server/server.ts', 'src/commands/server.ts')],
    ['a command that imports a part of another', edge('src/commands/run.ts', 'src/commands/stress/end-signal.ts')],
    ['core that imports a feature', edge('src/core/message.ts', 'src/server/member/member.ts')],
    ['core that imports configuration, even a type', edge('src/core/message.ts', 'src/config/load.ts', true)],
    ['a feature that imports another', edge('src/client/client.ts', 'src/server/machine-load.ts')],
    ['a type of another feature', edge('src/report/analyze/build.ts', 'src/client/pacer.pure.ts', true)],
    ['a feature that reads configuration itself', edge('src/client/client.ts', 'src/config/load.ts')],
    ['check with more than core', edge('src/check/check.ts', 'src/config/load.ts', true)],
    ['a feature that takes files out of the program', edge('src/server/server.ts', 'src/assets/assets.ts')],
    ['a feature that knows the command line', edge('src/server/server.ts', '@oclif/core')],
    ['a command that imports the front door', edge('src/commands/run.ts', 'src/index.ts')],
    ['a room that nobody knows', edge('src/utils/misc.ts', 'src/core/errors.ts')],
    ['a wing of the report against the way', edge('src/report/read/files/read.ts', 'src/report/analyze/build.ts')],
    ['a wing of the report that imports what joins them', edge('src/report/render/text.ts', 'src/report/write.ts')],
    ['a way out of src', edge('src/init/init.ts', 'test/architecture/direction.ts')],
  ])('notices %s', (_, wrong) => {
    expect(againstDirection([wrong])).toEqual([`${wrong.from} imports ${wrong.to}`]);
  });

  it.each([
    ['commands may use features', edge('src/commands/run.ts', 'src/stress/runner.ts')],
    ['stress drives clients', edge('src/stress/runner.ts', 'src/client/client.ts')],
    [
      'a feature may name a type of the configuration',
      edge('src/client/client.ts', 'src/config/client-config.ts', true),
    ],
    ['run uses the rest', edge('src/run/run.ts', 'src/faults/runner.ts')],
  ])('%s', (_, right) => {
    expect(againstDirection([right])).toEqual([]);
  });

  it('finds the imports of a file, whatever their form', () => {
    const text = `
      import { a } from './a';
      import type { B } from './b';
      import { type C, type D } from '../core/c';
      import { type E, f } from './e';
      export * from './g';
      const h = () => require('./h') as typeof import('./h');
      const i = () => import('./i');
      import 'node:fs';`;
    const found = importsOf(
      new Map([
        ['src/x/y.ts', text],
        ['src/x/a.ts', ''],
      ]),
    );
    expect(found.map(({ to, isTypeOnly }) => `${to}${isTypeOnly ? ' (type)' : ''}`)).toEqual([
      'src/x/a.ts',
      'src/x/b (type)',
      'src/core/c (type)',
      'src/x/e',
      'src/x/g',
      'src/x/h',
      'src/x/h (type)',
      'src/x/i',
      'node:fs',
    ]);
  });

  it('knows the room of every file', () => {
    expect(roomOf('src/index.ts')).toBe('index');
    expect(roomOf('src/core/transport/wire/frame.ts')).toBe('core');
  });
});

describe('import cycles', () => {
  it('do not exist', () => {
    // A cycle of type imports disappears at run time.
    const atRunTime = edges.filter(({ isTypeOnly }) => !isTypeOnly);
    expect(circlesIn(atRunTime).map((circle) => circle.join(' → '))).toEqual([]);
  });

  it('are noticed', () => {
    const circle = [edge('a', 'b'), edge('b', 'c'), edge('c', 'b'), edge('c', 'd')];
    expect(circlesIn(circle)).toEqual([['b', 'c', 'b']]);
    expect(circlesIn([edge('a', 'a')])).toEqual([['a', 'a']]);
    expect(circlesIn([edge('a', 'b'), edge('a', 'c'), edge('b', 'd'), edge('c', 'd')])).toEqual([]);
  });
});
