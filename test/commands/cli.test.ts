import { COMMANDS } from '../../src/index';
import packageJson from '../../package.json';
import { cli, linesOf } from './capture';

const IDS = Object.keys(COMMANDS).filter((id) => !COMMANDS[id]!().hidden);
const typed = (id: string): string[] => id.split(':');

describe('help', () => {
  it('lists every command with a one-line summary, and the workflow', async () => {
    const { code, stdout, stderr } = await cli('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const id of IDS) {
      const line = linesOf(stdout).find((each) => each.startsWith(`  ${typed(id).join(' ')}  `));
      expect(line).toMatch(/^ {2}\S.* {2}\S.{10,}/);
    }
    expect(stdout).toMatch(/WORKFLOW[^]*\$ cloudp2p init[^]*\$ cloudp2p server [^]*\$ cloudp2p status/);
    expect(stdout).not.toMatch(/undefined|\u001b/);
    for (const line of linesOf(stdout)) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('is shown without a command', async () => {
    expect((await cli()).stdout).toBe((await cli('--help')).stdout);
  });

  it.each(IDS)('of %s has flags and examples', async (id) => {
    const { code, stdout, stderr } = await cli(...typed(id), '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`$ cloudp2p ${typed(id).join(' ')}`);
    expect(stdout).toContain('--json');
    expect(stdout).toMatch(/EXAMPLES\n/);
    expect(await cli('help', ...typed(id))).toEqual({ code, stdout, stderr });
  });

  it('prints the version', async () => {
    const { code, stdout } = await cli('--version');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^cloudp2p/${packageJson.version} \\S+ node-v\\S+\n$`));
  });
});

describe('wrong usage', () => {
  const see = 'See "cloudp2p status --help".';
  it.each([
    ['stats', ['unknown command "stats", did you mean "status"?']],
    ['status --watsh', ['unknown flag --watsh, did you mean "--watch"?', see]],
    ['status --sever=a --zzzzzz', ['unknown flag --sever, did you mean "--server"?', 'unknown flag --zzzzzz', see]],
    ['status --jsn', ['unknown flag --jsn, did you mean "--json"?', see]],
    ['status here', ['unexpected argument "here"', see]],
    ['status --server', ['Flag --server expects a value', see]],
    ['status --wait soon', ['--wait: expected a whole number from 0 to 86400, got "soon"']],
    ['status --watch --wait 3', ['--wait=3 cannot also be provided when using --watch', see]],
    ['status --log-level loud', ['Expected --log-level=loud to be one of: debug, info, warn, error', see]],
    [
      'status --server nowhere',
      [
        '--server: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535 (0.0.0.0 and [::] are only for ' +
          'listening), got "nowhere"',
      ],
    ],
    ['status --config no.toml', ['no.toml: no such file']],
  ])('%s', async (line, expected) => {
    const { code, stdout, stderr } = await cli(...line.split(' '));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(linesOf(stderr)).toEqual(expected.map((text) => (text === see ? text : `Error: ${text}`)));
  });

  it.each([
    ['stats --json', 'bad_usage', 'unknown command "stats", did you mean "status"?'],
    ['status --watsh --json', 'bad_usage', 'unknown flag --watsh, did you mean "--watch"?'],
    ['init a b --json', 'bad_usage', 'unexpected argument "b"'],
    ['status --config no.toml --json', 'bad_config', 'no.toml: no such file'],
  ])('%s: one JSON object, the same exit code', async (line, code, message) => {
    const told = await cli(...line.split(' '));
    expect({ code: told.code, stderr: told.stderr }).toEqual({ code: 2, stderr: '' });
    expect(JSON.parse(told.stdout)).toEqual({ error: { code, message } });
  });
});

describe('a bug of ours', () => {
  const stumble = (): never => {
    throw new TypeError('x is not a function');
  };

  beforeEach(() => {
    COMMANDS.stumbling = stumble;
  });
  afterEach(() => {
    delete COMMANDS.stumbling;
  });

  it('is reported with its stack trace', async () => {
    const { code, stdout, stderr } = await cli('stumbling');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Error: x is not a function\nTypeError: x is not a function\n {4}at /);
    expect(stderr).toMatch(/\nthis is a bug in cloudp2p, please report it\n$/);
  });

  it('is reported with --json, too', async () => {
    const { code, stdout, stderr } = await cli('stumbling', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'internal', message: 'x is not a function' } });
    expect(stderr).toContain('this is a bug in cloudp2p');
  });
});
