/** JSON Schemas of the configuration files, for editors: `#:schema` in the first line of a file names its schema. */
import type { ConfigFile } from './config-file';
import { isRows } from './config-file';
import { CONFIG_FILES } from './all-files';
import { defaultTextOf, type JsonSchema, type Setting, type Settings } from './settings';

/** The folder of the schemas, beside the configuration files. */
const FOLDER = 'config/schema';

/** Returns the path of each schema, and its text. */
export function schemaFiles(): { path: string; text: string }[] {
  return Object.entries(CONFIG_FILES).map(([name, file]) => ({
    path: `${FOLDER}/${name}.json`,
    text: `${JSON.stringify(schemaOf(file), null, 2)}\n`,
  }));
}

function schemaOf({ purpose, tables }: ConfigFile): JsonSchema {
  const properties = Object.entries(tables).map(([name, table]) => [
    name,
    isRows(table) ? { type: 'array', items: tableSchema(table.rows) } : tableSchema(table),
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `Configuration of ${purpose}`,
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}

function tableSchema(settings: Settings): JsonSchema {
  const rows = Object.entries(settings);
  const conflicts = rows.flatMap(([key, { conflicts: others = [] }]) =>
    others.map((other) => ({ not: { required: [key, other] } })),
  );
  const required = rows.filter(([, row]) => row.required).map(([key]) => key);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    ...(conflicts.length > 0 && { allOf: conflicts }),
    properties: Object.fromEntries(rows.map(([key, row]) => [key, settingSchema(row)])),
  };
}

function settingSchema(row: Setting): JsonSchema {
  const { type, help, default: value } = row;
  const text = defaultTextOf(row);
  const description = text === undefined ? help : `${help} (default: ${text})`;
  return { description, ...type.json, ...(value !== undefined && { default: value }) };
}
