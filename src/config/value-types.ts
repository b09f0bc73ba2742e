/**
 * The types of settings. Each is one check with one expectation (the schema's message), so that an error can always
 * read "expected <expectation>, got <value>".
 */
import * as v from 'valibot';
import { ADDRESS_SHAPE, isDialAddress, isListenAddress } from '../core/transport/address';
import { ANY_OTHER, type SlowLimitSetting } from '../core/metrics/slow-limit';
import type { Input, ValueType } from './settings';
import { table } from './tables';

export const MAX_SERVER_ID = 4294967295;
/** Node's timers overflow above 24.8 days. */
export const MAX_SECS = 7 * 24 * 3600;
/** The resolution of a timer. */
const MIN_SECS = 0.001;

const UNITS = {
  seconds: { unit: 's', placeholder: 'SECS' },
  milliseconds: { unit: 'ms', placeholder: 'MS' },
  percent: { unit: '%', placeholder: 'PERCENT' },
  bytes: { unit: 'bytes', placeholder: 'BYTES' },
} as const;

type Unit = keyof typeof UNITS;

/** Exponents are refused: `1e3` is more likely a mistake than a duration. */
const asNumber = ([typed = '']: readonly string[]) => (/^-?\d+(\.\d+)?$/.test(typed) ? Number(typed) : NaN);
const asText = (texts: readonly string[]) => texts[0];
const asTexts = (texts: readonly string[]) => texts;

type Description<T> = Pick<ValueType<T>, 'schema' | 'placeholder' | 'json'> & Partial<ValueType<T>>;

function typeOf<T, I extends Input>(input: I, description: Description<T>): ValueType<T, I> {
  const parse = input === 'many' ? asTexts : asText;
  return { parse, unit: '', shape: expectationOf(description.schema), ...description, input };
}

/** Returns the message of a schema, without its article. */
function expectationOf(schema: v.GenericSchema): string {
  return 'message' in schema ? String(schema.message).replace(/^an? /, '') : '';
}

/** A whole number in a closed range. */
export function whole(min: number, max: number, unit?: Unit) {
  const isValid = (value: unknown): boolean => Number.isInteger(value) && isWithin(value, min, max);
  return typeOf('one', {
    schema: v.custom<number>(isValid, `a whole number from ${min} to ${max}`),
    parse: asNumber,
    placeholder: 'N',
    ...(unit && UNITS[unit]),
    json: { type: 'integer', minimum: min, maximum: max },
  });
}

/** The id of a server. */
export function serverId() {
  return whole(1, MAX_SERVER_ID);
}

/** A number, fractions allowed, in a closed range. */
export function decimal(min: number, max: number, unit?: Unit) {
  const what = unit === undefined ? 'a number' : `a number of ${unit}`;
  return typeOf('one', {
    schema: v.custom<number>((value) => isWithin(value, min, max), `${what} from ${min} to ${max}`),
    parse: asNumber,
    placeholder: 'X',
    ...(unit && UNITS[unit]),
    json: { type: 'number', minimum: min, maximum: max },
  });
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

/** A duration above 0. */
export function seconds() {
  return decimal(MIN_SECS, MAX_SECS, 'seconds');
}

/** A name or another short text: not empty, without control characters. */
export function text(maxChars = 200) {
  const isValid = (value: unknown): boolean =>
    typeof value === 'string' && value.trim() !== '' && value.length <= maxChars && !/\p{Cc}|\p{Cs}/u.test(value);
  return typeOf('one', {
    schema: v.custom<string>(isValid, `a text of 1 to ${maxChars} characters`),
    placeholder: 'TEXT',
    json: { type: 'string', minLength: 1, maxLength: maxChars },
  });
}

/** The path of a file (`FILE`) or folder (`DIR`); not "-", which means standard output in some programs. */
export function path(placeholder: 'FILE' | 'DIR') {
  const isPath = (value: unknown): boolean =>
    typeof value === 'string' && value.trim() !== '' && value.length <= 4096 && !value.includes('\0');
  const isNoStream = (value: string): boolean => value !== '-';
  return typeOf('one', {
    schema: v.pipe(
      v.custom<string>(isPath, 'a path'),
      v.check(isNoStream, 'a path ("-" is none; a file of that name is "./-")'),
    ),
    shape: 'path',
    placeholder,
    json: { type: 'string', minLength: 1 },
  });
}

/** An address to listen on. */
export function listenAddress() {
  return address(isListenAddress, ADDRESS_SHAPE);
}

/** An address to connect to: 0.0.0.0 is an address to listen on only. */
export function dialAddress() {
  return address(isDialAddress, `${ADDRESS_SHAPE} (0.0.0.0 and [::] are only for listening)`);
}

function address(isValid: (value: unknown) => boolean, what: string) {
  return typeOf('one', {
    schema: v.custom<string>(isValid, what),
    shape: 'HOST:PORT',
    placeholder: 'HOST:PORT',
    json: { type: 'string', pattern: ':[0-9]+$' },
  });
}

/** A text that is one of these words, which messages list. */
export function choice<const T extends string>(words: readonly T[]) {
  const isValid = (value: unknown): boolean => words.some((word) => word === value);
  return typeOf('one', {
    schema: v.custom<T>(isValid, `one of ${words.map((word) => `"${word}"`).join(', ')}`),
    placeholder: words.join('|'),
    options: words,
    json: { enum: words },
  });
}

/** A text of one pattern; `what` describes it in messages. */
export function matching(pattern: RegExp, what: string, placeholder: string) {
  return typeOf('one', {
    schema: v.custom<string>((value) => typeof value === 'string' && pattern.test(value), what),
    placeholder,
    json: { type: 'string', pattern: pattern.source },
  });
}

/** A boolean in a file, a flag without a value on the command line. */
export function yesOrNo() {
  return typeOf('switch', {
    schema: v.custom<boolean>((value) => typeof value === 'boolean', 'true or false'),
    placeholder: '',
    json: { type: 'boolean' },
  });
}

/** A list of values, one for each time that the flag is typed; `what` describes it in messages. */
export function list<T>(item: ValueType<T>, what: string): ValueType<readonly T[], 'many'> {
  return typeOf('many', {
    schema: v.array(item.schema, what),
    parse: (texts) => texts.map((each) => item.parse([each])),
    placeholder: item.placeholder,
    json: { type: 'array', items: item.json },
  });
}

/** A list of expressions such as `p99<800ms`. */
export function expressions() {
  const type = list(text(), 'a list of expressions such as "p99<800ms"');
  return { ...type, shape: 'list of expressions', placeholder: 'EXPR' };
}

/** A text, or a list of texts; `what` describes it in messages. */
export function texts(what: string, placeholder: string) {
  const isText = (value: unknown): boolean => typeof value === 'string';
  const isValid = (value: unknown): boolean =>
    isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText));
  const text = { type: 'string' };
  return typeOf('many', {
    schema: v.custom<string | readonly string[]>(isValid, what),
    shape: 'text, or list of texts',
    placeholder,
    json: { anyOf: [text, { type: 'array', items: text, minItems: 1 }] },
  });
}

/** Describes a type by itself. */
export function special<T>(description: Description<T>) {
  return typeOf('many', description);
}

/** A list of servers: tables in a file, `ID@HOST:PORT` on the command line. */
export function peerList() {
  const peer = table({ id: serverId().schema, address: dialAddress().schema });
  return special<readonly { id: number; address: string }[]>({
    schema: v.array(peer, 'a list of { id, address }'),
    parse: (texts) => texts.map((each) => /^(?<id>\d+)@(?<address>.+)$/s.exec(each)?.groups).map(peerOf),
    placeholder: 'ID@HOST:PORT',
    flagShape: `ID@HOST:PORT with an ID from 1 to ${MAX_SERVER_ID} and a host to connect to`,
    json: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'address'],
        additionalProperties: false,
        properties: { id: serverId().json, address: dialAddress().json },
      },
    },
  });
}

function peerOf(groups: Record<string, string> = {}) {
  return { id: Number(groups.id), address: groups.address };
}

/** Slow limits: milliseconds, or a table of them by image; `MS` and `IMAGE=MS` on the command line. */
export function slowLimits() {
  const { schema, json, unit } = decimal(MIN_SECS, MAX_SECS * 1000, 'milliseconds');
  const isLimit = (value: unknown): boolean => v.is(schema, value);
  const isTable = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const limits = Object.values(value);
    return limits.length > 0 && limits.every(isLimit);
  };
  const limit = `a ${expectationOf(schema)}`;
  return special<SlowLimitSetting>({
    schema: v.custom<SlowLimitSetting>(
      (value) => isLimit(value) || isTable(value),
      `${limit}, or a table of them by image`,
    ),
    parse: (texts) => {
      const limits = texts.map((text) => /^(?:(?<image>.+)=)?(?<limit>[^=]*)$/s.exec(text)?.groups ?? {});
      return Object.fromEntries(limits.map(({ image = ANY_OTHER, limit = '' }) => [image, asNumber([limit])]));
    },
    unit,
    shape: 'milliseconds, or a table of them by image',
    placeholder: '[IMAGE=]MS',
    flagShape: `[IMAGE=]MS with ${limit}`,
    json: { anyOf: [json, { type: 'object', minProperties: 1, additionalProperties: json }] },
  });
}
