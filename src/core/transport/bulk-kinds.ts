/** The two messages that have a bulk field, as they look in plain JSON. */
import { ClusterError } from '../errors';
import { BULK_FIELD, type MessageKind } from '../protocol';

const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;
const LETTER_T = 0x54;
const SPACE = 0x20;

/** TaskRequest first: it alone is always allowed to be large. */
export const BULK_KINDS = (['TaskRequest', 'TaskResponse'] as const).map((kind) => ({
  kind,
  field: BULK_FIELD[kind] as string,
  /** What a large frame begins with, to the byte. */
  prefix: Buffer.from(`{"${kind}":`),
}));

export type BulkKind = (typeof BULK_KINDS)[number];

/** Which of the two a small plain frame begins as, if any; whitespace is allowed where JSON allows it. */
export function bulkKindOf(json: Buffer): BulkKind | undefined {
  let at = 1;
  while (at < json.length && (json[at] as number) <= SPACE) at++;
  if (json[0] !== OPEN_BRACE || json[at] !== QUOTE || json[at + 1] !== LETTER_T) return undefined;
  return BULK_KINDS.find(({ prefix }) => {
    // The kind in its quotes, without the brace before and the colon after it.
    const length = prefix.length - 2;
    return json.length >= at + length && prefix.compare(json, at, at + length, 1, 1 + length) === 0;
  });
}

/**
 * Throws `bad_message` for a bulk field in a place where only JSON.parse saw it: an envelope's header, an escaped key,
 * or a value that is neither array nor string.
 */
export function checkNoBulk(value: unknown, kind: MessageKind): void {
  const field = BULK_FIELD[kind];
  if (field === undefined || typeof value !== 'object') return;
  const fields = (value as Record<string, Record<string, unknown> | null>)[kind];
  const bulk = fields?.[field];
  if (bulk !== undefined && bulk !== null) {
    throw new ClusterError(
      'bad_message',
      `${kind}.${field}: expected an array of integers, base64, or the frame's body`,
    );
  }
}
