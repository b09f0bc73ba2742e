/** The values of a parsed TOML file that are not plain JavaScript values: tables and dates. */

/** A TOML table. It has no prototype, so that a key named `constructor` or `__proto__` is only a key. */
export type TomlTable = Record<string, unknown>;

/** A date or time in a TOML file. No setting is one, but error messages must be able to name it. */
export class TomlDate {
  constructor(readonly text: string) {}
}
