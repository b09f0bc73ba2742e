/** The two messages with a bulk field, as they appear in plain JSON. */
import { ClusterError } from '../../errors';
import { BULK_FIELD, type MessageKind } from '../../protocol';

const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;
const LETTER_T = 0x54;
const SPACE = 0x20;

/** TaskRequest first: it is the only one that may always be large. */
export const BULK_KINDS = (['TaskRequest', 'TaskResponse'] as const).map((kind) => ({
  kind,
  field: BULK_FIELD[kind] as string,
  /** The exact first bytes of a large frame. */
  prefix: Buffer.from(`{"${kind}":`),
}));

export type BulkKind = (typeof BULK_KINDS)[number];

/** Returns which of the two a small plain frame begins as, if any; whitespace is allowed where JSON allows it. */
export function bulkKindOf(json: Buffer): BulkKind | undefined {
  let at = 1;
  while (at < json.length && (json[at] as number) <= SPACE) at++;
  if (json[0] !== OPEN_BRACE || json[at] !== QUOTE || json[at + 1] !== LETTER_T) return undefined;
  return BULK_KINDS.find(({ prefix }) => {
    // The quoted kind, without the brace before and the colon after it.
    const length = prefix.length - 2;
    return json.length >= at + length && prefix.compare(json, at, at + length, 1, 1 + length) === 0;
  });
}

/**
 * Rejects a bulk field that only JSON.parse found: in an envelope's header, under an escaped key, or with a value that
 * is neither array nor string.
 * @throws ClusterError `bad_message`
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
