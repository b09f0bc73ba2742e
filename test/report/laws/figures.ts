/** The direction of every figure in final_report.json: which of two values is the better one, and where a law holds. */

/** `known`: only knowing it is better than not knowing it. */
export type Sense = 'higher is worse' | 'lower is worse' | 'known' | 'true is worse' | 'never becomes true' | 'ordered';

/** Narrows where a law holds for a figure. */
type Where =
  /** Figures in time: only if the request ends no earlier than before. */
  | 'in time'
  /** A figure of the baseline: only if there is a fault, and in time. */
  | 'baseline'
  /** A figure of leaders, which have no direction in law 1. */
  | 'law 2 only'
  | 'law 1 only'
  | 'law 1 in time'
  /** A figure of successes only: counted, but never demanded. */
  | 'exempt';

export interface Figure {
  /** The path in final_report.json, `[]` for the elements of a list and `*` for any key. */
  path: string;
  sense: Sense;
  where?: Where;
  /** Values from best to worst; one that is not listed is worst. */
  order?: readonly string[];
  /** Not a leaf of the JSON: folded from a list. */
  fold?: 'sum' | 'max' | 'listed' | 'length of intervals';
}

const all = (paths: string, rest: Omit<Figure, 'path'>): Figure[] =>
  paths
    .trim()
    .split(/\s+/)
    .map((path) => ({ path, ...rest }));

const STATS = 'min_ms max_ms avg_ms median_ms p95_ms p99_ms';
const within = (parent: string, names: string): string => names.replace(/\S+/g, `${parent}.$&`);

/** Figures with a direction, of today and of honest-figures.md; those that a report does not have are skipped. */
export const FIGURES: readonly Figure[] = [
  ...all(
    `failed_requests failure_rate failure_rate_max missing_records
     blocked_client_secs missed_requests verdict.failure_rate`,
    { sense: 'higher is worse' },
  ),
  // One without a record is a failure of another kind.
  ...all('never_sent_requests', { sense: 'higher is worse', where: 'law 1 only' }),
  ...all('successful_requests throughput_per_s goodput_per_s audit.successes', { sense: 'lower is worse' }),
  ...all(`${within('all_stats', STATS)} all_stats.p99_9_ms`, { sense: 'higher is worse' }),
  ...all(`${within('latency_stats', STATS)} p99_9_ms ${within('service_stats', STATS)}`, {
    sense: 'higher is worse',
    where: 'exempt',
  }),
  ...all(within('images[]', 'failed p50_ms p95_ms p99_ms p99_9_ms max_ms'), { sense: 'higher is worse' }),
  // A fault that is felt for longer takes requests out of the other rows.
  ...all(within('phases[]', 'failed p50_ms p95_ms p99_ms p99_9_ms max_ms'), {
    sense: 'higher is worse',
    where: 'law 2 only',
  }),
  ...all(within('phases[]', 'service_p50_ms service_p95_ms service_p99_ms'), {
    sense: 'higher is worse',
    where: 'exempt',
  }),
  ...all('percentile_curve[].latency_ms', { sense: 'higher is worse' }),
  ...all('percentile_curve[].service_ms percentile_curve[].ok_ms ok_p50_ms ok_p95_ms ok_p99_ms', {
    sense: 'higher is worse',
    where: 'exempt',
  }),
  // A slower request leaves the window in which it ended: only the whole has a direction.
  // A chart has no place for a request without a record: only the totals count it.
  ...all('timeline.failed', { sense: 'higher is worse', where: 'law 1 only', fold: 'sum' }),
  ...all('timeline.max_ms', { sense: 'higher is worse', where: 'law 1 only', fold: 'max' }),
  ...all(within('faults[]', 'detected_first_ms detected_last_ms leader_first_ms leader_all_ms'), {
    sense: 'higher is worse',
  }),
  ...all(within('faults[]', 'recovered felt_ms recovered_ms longest_ms bad_requests failed'), {
    sense: 'higher is worse',
    where: 'in time',
  }),
  // The least that it may be, where `felt_ms` is unknown: less evidence shows less.
  ...all('faults[].felt_at_least_ms', { sense: 'higher is worse', where: 'law 1 in time' }),
  ...all('faults', { sense: 'never becomes true', fold: 'listed', where: 'law 2 only' }),
  ...all('slow_limits_ms.*', { sense: 'known' }),
  ...all('baseline.bad_window_share baseline.felt_resolution_ms', { sense: 'higher is worse', where: 'baseline' }),
  ...all('leaders.none leaders.several', {
    sense: 'higher is worse',
    where: 'law 2 only',
    fold: 'length of intervals',
  }),
  ...all('audit.lost audit.corrupted', { sense: 'higher is worse' }),
  ...all('audit.corrupted_by[].carriers', { sense: 'higher is worse' }),
  ...all('audit.adds_up rules[].verdict', { sense: 'never becomes true' }),
  ...all('generators[].saturated', { sense: 'true is worse' }),
  ...all('thresholds[].passed', { sense: 'never becomes true' }),
  // The direction of a threshold's value is that of its expression (judge.ts).
  ...all('thresholds[].value', { sense: 'higher is worse' }),
  ...all('verdict.scale', {
    sense: 'ordered',
    order: ['excellent', 'acceptable under faults', 'investigate', 'unknown'],
  }),
  ...all('verdict.kind', { sense: 'ordered', order: ['facts', 'not verified', 'crossed', 'invalid', 'wrong'] }),
];

/** Texts, and lists of them. */
const TEXTS = `audit.why self_check verdict.text verdict.not_verified verdict.scale_text faults[].unknown.** thresholds[].expression thresholds[].unit
  rules[].rule rules[].problems generators[].why baseline.unknown inputs.** unknown.**`;

/** Leaves without a direction: counts of requests, balance, leaders, times, charts and what a run was. */
export const WITHOUT_DIRECTION: readonly string[] = [
  ...'total_requests decided_requests undecided_requests interrupted_requests unsent_requests'.split(' '),
  ...'attempted_per_s retry_count bytes_sent bytes_received clients_without_percentiles'.split(' '),
  ...'warmup_secs duration_secs slow_limit_ms loop ok_requests'.split(' '),
  ...within('images[]', 'requests undecided image').split(' '),
  ...within('phases[]', 'requests undecided phase').split(' '),
  ...within('faults[]', 'server_id kind start end led requests retried hedged shared').split(' '),
  ...within('baseline', 'from to requests').split(' '),
  ...within('audit', 'requests hedged executions repeated excusable corrupted_by[].server_id').split(' '),
  ...within(
    'timeline',
    'from window_ms left_out p50_ms[] p95_ms[] p99_ms[] max_ms[] requests[] failed[] undecided[]',
  ).split(' '),
  // What --compare judges; its verdicts are exempt.
  ...'blocks blocks.**'.split(' '),
  ...'timeline.by_server[].** timeline.by_reason[].** percentile_curve[].percentile'.split(' '),
  ...'server_distribution.** failure_reasons.** balance.** leaders.** faults'.split(' '),
  ...'runs[].** loads[].** servers[].** clocks[].** clock_changes[].** run.**'.split(' '),
  // Whether they are known has a direction.
  ...'timeline rules slow_limit_ms.** slow_limits_ms slow_limits_ms.**'.split(' '),
  ...within('generators[]', 'machine_id time[] cpu_percent[] event_loop_delay_ms[] in_flight[]').split(' '),
  ...within('generators[]', 'verification_backlog[] sent late_sends pauses paused_ms').split(' '),
  ...within('generators[]', 'longest_pause_ms longest_pause_at').split(' '),
  ...TEXTS.split(/\s+/),
];

const PATTERNS = [...FIGURES.map(({ path }) => path), ...WITHOUT_DIRECTION].map((path) => {
  const parts = path
    .replace(/(?:\[\])+$/, '')
    .split(/(\.\*\*|\*)/)
    .map((part) => {
      if (part === '.**') return '(?:[.\\[].*)?';
      return part === '*' ? '[^.]+' : part.replace(/[.[\]]/g, '\\$&');
    });
  // A list of numbers may be named with or without its brackets.
  return new RegExp(`^${parts.join('')}(?:\\[\\])*$`);
});

/** Returns true if the table says which direction a leaf of the JSON has, or that it has none. */
export function isInTable(leaf: string): boolean {
  return PATTERNS.some((pattern) => pattern.test(leaf));
}
