/** A TOML table. It has no prototype, so that a key named `constructor` or `__proto__` is only a key. */
export type TomlTable = Record<string, unknown>;

/** A date or a time of a TOML file. No setting of ours is one, but a message should be able to say that it got one. */
export class TomlDate {
  constructor(readonly text: string) {}
}
