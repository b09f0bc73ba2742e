/** The types of settings. */
import * as v from 'valibot';
import * as fields from './fields';
import type { Input, ValueType } from './settings';

export const MAX_SERVER_ID = 4294967295;

const UNITS = {
  seconds: { unit: 's', placeholder: 'SECS' },
  milliseconds: { unit: 'ms', placeholder: 'MS' },
  percent: { unit: '%', placeholder: 'PERCENT' },
  bytes: { unit: 'bytes', placeholder: 'BYTES' },
} as const;

type Unit = keyof typeof UNITS;

/** Exponents are not read: `1e3` is rather a mistake than a duration. */
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
  return typeOf('one', {
    schema: fields.whole(min, max),
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
  return typeOf('one', {
    schema: fields.decimal(min, max, unit),
    parse: asNumber,
    placeholder: 'X',
    ...(unit && UNITS[unit]),
    json: { type: 'number', minimum: min, maximum: max },
  });
}

/** A duration above 0. A millisecond is the resolution of a timer. */
export function seconds(maxSecs = fields.MAX_SECS) {
  return decimal(fields.MIN_SECS, maxSecs, 'seconds');
}

/** A name or another short text. */
export function text(maxChars?: number) {
  return typeOf('one', { schema: fields.text(maxChars), placeholder: 'TEXT', json: { type: 'string', minLength: 1 } });
}

/** The path of a file (`FILE`) or folder (`DIR`). */
export function path(placeholder: 'FILE' | 'DIR') {
  return typeOf('one', { schema: fields.path(), shape: 'path', placeholder, json: { type: 'string', minLength: 1 } });
}

/** An address to listen on. */
export function listenAddress() {
  return address(fields.listenAddress());
}

/** An address to connect to. */
export function dialAddress() {
  return address(fields.dialAddress());
}

function address(schema: v.GenericSchema<unknown, string>) {
  return typeOf('one', {
    schema,
    shape: 'HOST:PORT',
    placeholder: 'HOST:PORT',
    json: { type: 'string', pattern: ':[0-9]+$' },
  });
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]) {
  const schema = fields.choice(words);
  return typeOf('one', { schema, placeholder: words.join('|'), options: words, json: { enum: words } });
}

/** A text of one pattern; `what` describes it in messages. */
export function matching(pattern: RegExp, what: string, placeholder: string) {
  return typeOf('one', {
    schema: v.custom<string>((value) => typeof value === 'string' && pattern.test(value), what),
    placeholder,
    json: { type: 'string', pattern: pattern.source },
  });
}

/** Yes or no. */
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
    schema: fields.list(item.schema, what),
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
  const peer = fields.table({ id: serverId().schema, address: fields.dialAddress() });
  return special<readonly { id: number; address: string }[]>({
    schema: fields.list(peer, 'a list of { id, address }'),
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
