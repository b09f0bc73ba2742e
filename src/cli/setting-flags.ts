/** Makes the flags of a command, with their help, from rows of settings. */
import { Flags, type Interfaces } from '@oclif/core';
import { defaultTextOf, type Setting, type Settings, type Typed } from '../config/settings';

type FlagOf<R extends Setting> = R['type']['input'] extends 'switch'
  ? Interfaces.BooleanFlag<boolean | undefined>
  : Interfaces.OptionFlag<Typed[R['type']['input']] | undefined>;

export type FlagsFor<S extends Settings> = {
  [K in keyof S as S[K] extends { flag: infer F extends string } ? F : never]: FlagOf<S[K]>;
};

/**
 * Returns the flags of the rows that have one. Their values stay as typed, because oclif would bury our error messages
 * in its own.
 */
export function flagsOf<S extends Settings>(settings: S): FlagsFor<S>;
export function flagsOf(settings: Settings): Record<string, Interfaces.Flag<unknown>> {
  const rows = Object.values(settings).flatMap((row) => (row.flag === undefined ? [] : [[row.flag, flagOf(row)]]));
  return Object.fromEntries(rows);
}

function flagOf(row: Setting) {
  const { type, hidden, greedy = false, placeholder: helpValue = type.placeholder } = row;
  const common = { summary: summaryOf(row), hidden };
  if (type.input === 'switch') return Flags.boolean({ ...common, default: undefined });
  if (type.options !== undefined) return Flags.string({ ...common, options: [...type.options] });
  if (type.input === 'one') return Flags.string({ ...common, helpValue });
  return Flags.string({ ...common, helpValue, multiple: true, multipleNonGreedy: !greedy });
}

/** Returns the help of a flag: one line with unit and default. */
function summaryOf(row: Setting): string {
  const { help, note, type } = row;
  const defaultText = type.input === 'switch' ? undefined : defaultTextOf(row);
  const withDefault = defaultText === undefined ? help : `${help} (default: ${defaultText})`;
  return [withDefault, ...(note === undefined ? [] : [note]), ...(type.input === 'many' ? ['repeatable'] : [])].join(
    '; ',
  );
}
