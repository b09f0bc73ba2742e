import path from 'node:path';
import * as v from 'valibot';
import { TEMPLATES } from '../../src/assets/assets';
import { CONFIG_FILES } from '../../src/config/all-files';
import { isRows } from '../../src/config/config-file';
import { schemaFiles } from '../../src/config/json-schema';
import { parseToml } from '../../src/config/parse-toml';

const rows = Object.entries(CONFIG_FILES).flatMap(([file, { tables }]) =>
  Object.entries(tables).flatMap(([table, settings]) =>
    Object.entries(isRows(settings) ? settings.rows : settings).map(([key, row]) => ({
      name: `${file}: ${table}.${key}`,
      row,
    })),
  ),
);

interface ObjectSchema {
  properties: Record<string, ObjectSchema & { items?: ObjectSchema }>;
}

describe('the schemas for editors', () => {
  test.each(TEMPLATES)('$path names its own, which knows its keys', ({ path: template, content }) => {
    const [, named = ''] = /^#:schema (\S+)\n/.exec(String(content())) ?? [];
    const schema = schemaFiles().find((each) => each.path === path.posix.join(path.posix.dirname(template), named));
    const { properties } = JSON.parse(schema!.text) as ObjectSchema;
    const parsed = parseToml(String(content()));
    if ('problem' in parsed) throw new Error(parsed.problem.text);
    for (const [table, values] of Object.entries(parsed.table)) {
      const known = Object.keys((properties[table]!.items ?? properties[table]!).properties);
      for (const each of [values].flat()) expect(known).toEqual(expect.arrayContaining(Object.keys(Object(each))));
    }
  });

  test.each(rows)('$name: the same bounds as the check of the file', ({ row: { type } }) => {
    const { minimum, maximum, enum: words } = type.json;
    if (typeof minimum === 'number' && typeof maximum === 'number') {
      const isValid = [minimum, maximum, minimum - 1, maximum + 1].map((value) => v.is(type.schema, value));
      expect(isValid).toEqual([true, true, false, false]);
    }
    if (Array.isArray(words)) expect(words.map((word) => v.is(type.schema, word))).not.toContain(false);
    expect(v.is(type.schema, {})).toBe(false);
  });

  test.each(rows.filter(({ row }) => row.default !== undefined))('$name: the default is valid', ({ row }) => {
    expect(v.is(row.type.schema, row.default)).toBe(true);
  });
});
