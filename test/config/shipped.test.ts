import { readdirSync, readFileSync } from 'node:fs';
import { TEMPLATES } from '../../src/assets/assets';
import { CONFIG_FILES } from '../../src/config/all-files';
import { clientConfigOf, clientFile } from '../../src/config/client-config';
import { isRows } from '../../src/config/config-file';
import { parseConfig } from '../../src/config/load';
import { parseToml } from '../../src/config/parse-toml';
import { loadServerConfig, serverConfigOf } from '../../src/config/server-config';
import { serverFile } from '../../src/config/server-file';
import type { Settings } from '../../src/config/settings';

const machine = { availableParallelism: 8 };
const SERVERS = [1, 2, 3];
const addressOf = (id: number) => `127.0.0.1:${8000 + id}`;

describe('the shipped files', () => {
  test.each(SERVERS)('server%d.toml is one of three on a laptop, with defaults for the rest', (id) => {
    const others = SERVERS.filter((other) => other !== id);
    const flags = {
      id: String(id),
      address: addressOf(id),
      peer: others.map((other) => `${other}@${addressOf(other)}`),
    };
    const expected = serverConfigOf(flags, undefined, machine);
    expect(loadServerConfig(`config/server${id}.toml`, machine)).toEqual(expected);
  });

  test.each(SERVERS)('the commented keys of server%d.toml are the defaults', (id) => {
    const text = readFileSync(`config/server${id}.toml`, 'utf8');
    const open = parseConfig(serverFile.schema, uncomment(text), 'opened');
    const closed = parseConfig(serverFile.schema, text, 'as shipped');
    expect(open.processing).toEqual({ ...closed.processing, workers: 4 });
    expect(open.limits).toEqual(closed.limits);
    expect(open.server).toMatchObject({ events_file: closed.server.events_file, pid_file: closed.server.pid_file });
    for (const table of Object.values(serverFile.tables)) {
      expect(isRows(table)).toBe(false);
      for (const key of Object.keys(table)) expect(text).toContain(`${key} = `);
    }
  });

  test("the client files say the defaults and the guide's values", () => {
    const defaults = clientConfigOf();
    expect(clientConfigOf({ config: 'config/client_stress.toml' })).toEqual(defaults);
    expect(clientConfigOf({ config: 'config/client_stress_template.toml' })).toEqual({
      ...defaults,
      serverAddresses: SERVERS.map((id) => `server${id}.example.com:8001`),
    });
  });

  test.each(['client_stress.toml', 'client_stress_template.toml'])('%s says nothing that stress ignores', (name) => {
    expect(clientConfigOf({ config: `config/${name}` }).saysRequests).toBe(false);
    const opened = uncomment(readFileSync(`config/${name}`, 'utf8')).replace(/^(min|max)_delay_ms.*$/gm, '');
    expect(parseConfig(clientFile.schema, opened, 'opened').requests).toEqual({
      rate_per_second: 1,
      duration_seconds: 300,
      total_requests: 1000,
    });
  });

  test.each(TEMPLATES)('$path shows the defaults', ({ content }) => {
    const text = String(content());
    const { tables } = CONFIG_FILES[/^#:schema \.\/schema\/(\w+)\.json/.exec(text)?.[1] ?? '']!;
    const parsed = parseToml(uncomment(text));
    if ('problem' in parsed) throw new Error(parsed.problem.text);
    for (const [name, values] of Object.entries(parsed.table)) {
      const table = tables[name]!;
      const rows: Settings = isRows(table) ? table.rows : table;
      for (const [key, value] of [values].flat().flatMap((each) => Object.entries(Object(each)))) {
        const { default: constant, fallback = constant } = rows[key]!;
        if (fallback !== undefined && !Array.isArray(fallback)) expect({ [key]: value }).toEqual({ [key]: fallback });
      }
    }
  });

  test('no server or client file is left out here', () => {
    const names = readdirSync('config').filter((name) => /^(server|client)/.test(name));
    expect(names.sort()).toEqual([
      'client_stress.toml',
      'client_stress_template.toml',
      'server1.toml',
      'server2.toml',
      'server3.toml',
    ]);
  });
});

/** Uncomments every `# key = value` line. */
function uncomment(text: string): string {
  return text.replace(/^# (?=[a-z_]+ = |\[tls\])/gm, '');
}
