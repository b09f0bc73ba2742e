/** Checks the parts of a final_report.json that a comparison uses: the file may be from another version, or damaged. */
import * as v from 'valibot';
import { PHASES } from '../report';

/** Limits with some margin over our reports, so that a comparison always terminates. */
const MAX_WINDOWS = 2000;
/** Images are counted in 8 bits. */
const MAX_IMAGES = 256;
const BLOCKS = 5;
const MAX_ITEMS = 10_000;
/** 1.01 ** 2500 microseconds are 17 hours; latencies have 32 bits, which are 72 minutes. */
const MAX_BUCKET = 2500;
/** Far beyond any time or size; longer numbers would break the tables. */
const MAX_NUMBER = 1e15;

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_NUMBER;
}

/** The messages name what was expected. */
const number = v.custom<number>((value) => isNumber(value), 'a number from 0');
const count = v.custom<number>(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  'a whole number from 0',
);
const known = v.nullable(number);
const text = v.string('a text');
const listOf = <S extends v.GenericSchema>(item: S, max = MAX_ITEMS) =>
  v.pipe(v.array(item, 'a list'), v.maxLength(max, `at most ${max} items`));
const table = <E extends v.ObjectEntries>(entries: E) => v.object(entries, 'a table');

const stats = table({
  min_ms: known,
  max_ms: known,
  avg_ms: known,
  median_ms: known,
  p95_ms: known,
  p99_ms: known,
});

/** bucket, count, bucket, count ... in ascending order of the buckets. */
const histogram = v.custom<number[]>(isHistogram, 'pairs of bucket and count in ascending order');

function isHistogram(value: unknown): boolean {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  const items = value as unknown[] as number[];
  return items.every((item, at) => {
    if (!Number.isSafeInteger(item) || item < 0) return false;
    return at % 2 === 1 || (item <= MAX_BUCKET && (at === 0 || item > items[at - 2]!));
  });
}

const timeline = v.pipe(
  table({
    from: number,
    window_ms: v.pipe(number, v.minValue(1, 'a number from 1')),
    requests: listOf(count, MAX_WINDOWS),
    failed: listOf(count, MAX_WINDOWS),
    p50_ms: listOf(known, MAX_WINDOWS),
    p99_ms: listOf(known, MAX_WINDOWS),
  }),
  v.check(
    ({ requests, ...lists }) =>
      Object.values(lists).every((list) => !Array.isArray(list) || list.length === requests.length),
    'lists of the same length',
  ),
);

const block = table({
  secs: number,
  successes: count,
  failed: count,
  undecided: count,
  operations: listOf(table({ latency_total_us: number, unknown: count, histogram }), MAX_IMAGES),
});

const fiveBlocks = v.pipe(listOf(block, BLOCKS), v.length(BLOCKS, `${BLOCKS} blocks`));

const blocks = v.pipe(
  table({
    images: listOf(text, MAX_IMAGES),
    unknown: v.nullable(text),
    whole: fiveBlocks,
    steady: v.nullable(fiveBlocks),
  }),
  v.check(
    ({ images, whole, steady }) =>
      [...whole, ...(steady ?? [])].every(({ operations }) => operations.length === images.length),
    'the operations of each block in the order of the images',
  ),
);

const phase = table({
  phase: v.picklist(PHASES, `one of ${PHASES.join(', ')}`),
  requests: count,
  failed: known,
  undecided: count,
  p50_ms: known,
  p95_ms: known,
  p99_ms: known,
  p99_9_ms: known,
  max_ms: known,
});

const fault = table({
  kind: text,
  start: number,
  recovered: known,
  felt_ms: known,
  recovered_ms: known,
  detected_first_ms: known,
  leader_all_ms: known,
});

const settings = table({
  version: text,
  node_version: text,
  host: text,
  cores: number,
  seed: number,
  config: v.looseObject({}, 'a table'),
});

/** final_report.json, as far as a comparison uses it (comparison.ts: Compared). Other keys may have any value. */
export const comparedSchema = table({
  timeline: v.nullable(timeline),
  blocks: v.nullable(blocks),
  total_requests: count,
  failed_requests: count,
  failure_rate_max: number,
  goodput_per_s: known,
  duration_secs: number,
  warmup_secs: number,
  loop: v.nullable(v.picklist(['open', 'closed'], 'open or closed')),
  all_stats: table({ ...stats.entries, p99_9_ms: known }),
  service_stats: stats,
  retry_count: count,
  bytes_sent: count,
  bytes_received: count,
  server_distribution: v.record(v.pipe(text, v.regex(/^\d{1,10}$/, 'the id of a server')), count, 'a table'),
  percentile_curve: listOf(table({ percentile: number, latency_ms: known, service_ms: known })),
  images: listOf(table({ image: text })),
  phases: listOf(phase, PHASES.length),
  faults: v.nullable(listOf(fault)),
  audit: table({ hedged: count }),
  balance: table({
    total_max_over_mean: known,
    max_over_mean: table({ median: known, worst: known }),
  }),
  verdict: table({ kind: text, text, not_verified: v.optional(listOf(text), []) }),
  generators: listOf(
    table({ machine_id: count, saturated: v.nullable(v.boolean('true or false')), why: v.nullable(text) }),
  ),
  inputs: table({ missing: listOf(text) }),
  loads: listOf(settings),
  run: v.optional(settings),
});
