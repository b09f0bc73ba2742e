/** The flags of `faults` that define the plan of faults and its abort conditions. */
import { Flags } from '@oclif/core';
import { FAULT_PATTERNS, PARTITION_FROM } from '../../config/faults-spec';

// Numbers are strings here: oclif would bury our error message in one of its own.
export const specFlags = {
  cycles: Flags.string({ helpValue: 'N', summary: 'number of fault cycles (default: 3)' }),
  interval: Flags.string({ helpValue: 'SECS', summary: 'time from a restart to the next fault (default: 30)' }),
  'restart-delay': Flags.string({ helpValue: 'SECS', summary: 'duration of each fault (default: 10)' }),
  pattern: Flags.option({
    options: FAULT_PATTERNS,
    summary: 'order of the faults (default: ring); rolling goes on as soon as all servers agree on a leader',
  })(),
  count: Flags.string({
    helpValue: 'N',
    summary: 'number of servers at once with --pattern simultaneous (default: 2)',
  }),
  kind: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'KIND[=WEIGHT]' },
    summary: 'kill (default), terminate, pause, partition, delay, loss or restart; repeatable, mixed by weight',
  }),
  target: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'WHO' },
    summary: 'all (default), leader, followers, minority, majority, or a server id; ids are repeatable',
  }),
  seed: Flags.string({ helpValue: 'N', summary: 'seed of the random choices (default: random)' }),
  'partition-from': Flags.option({
    options: PARTITION_FROM,
    summary: 'isolate from peers, from clients, or both (default: both)',
  })(),
  'delay-ms': Flags.string({ helpValue: 'MS', summary: 'delay of the packets a server sends (default: 200)' }),
  'jitter-ms': Flags.string({
    helpValue: 'MS',
    summary: 'random variation of the delay, plus or minus (default: 100)',
  }),
  'loss-percent': Flags.string({
    helpValue: 'PERCENT',
    summary: 'share of the packets to a server that are dropped (default: 20)',
  }),
  'abort-when': Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'EXPR' },
    summary: 'heal and stop when a probe of 5 tasks/s measures it, like failure_rate>20%; repeatable',
  }),
  'allow-total-outage': Flags.boolean({
    summary: 'allow faults that take down the last running server',
    default: undefined,
  }),
};
