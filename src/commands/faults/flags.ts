/** The flags of `faults` that say what is broken, and when it ends early. */
import { Flags } from '@oclif/core';
import { FAULT_PATTERNS, PARTITION_FROM } from '../../config/faults-spec';

// Numbers are texts here: oclif would bury our error message in one of its own.
export const specFlags = {
  cycles: Flags.string({ helpValue: 'N', summary: 'how often the ring goes round (default 3)' }),
  interval: Flags.string({ helpValue: 'SECS', summary: 'from a restart to the next fault (default 30)' }),
  'restart-delay': Flags.string({ helpValue: 'SECS', summary: 'how long a server stays broken (default 10)' }),
  pattern: Flags.option({
    options: FAULT_PATTERNS,
    summary: 'in which order; rolling: the next as soon as the servers agree (default ring)',
  })(),
  count: Flags.string({ helpValue: 'N', summary: 'how many at once with --pattern simultaneous (default 2)' }),
  kind: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'KIND[=WEIGHT]' },
    summary: 'kill (default), terminate, pause, partition, delay, loss or restart; repeat to mix by weight',
  }),
  target: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'WHO' },
    summary: 'all (default), leader, followers, minority, majority, or an id; repeat for several ids',
  }),
  seed: Flags.string({ helpValue: 'N', summary: 'makes the same choices again' }),
  'partition-from': Flags.option({ options: PARTITION_FROM, summary: 'cut off from whom (default both)' })(),
  'delay-ms': Flags.string({ helpValue: 'MS', summary: 'how long what it sends is delayed (default 200)' }),
  'jitter-ms': Flags.string({ helpValue: 'MS', summary: 'more or less (default 100)' }),
  'loss-percent': Flags.string({
    helpValue: 'PERCENT',
    summary: 'how many packets that reach it are lost (default 20)',
  }),
  'abort-when': Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'EXPR' },
    summary: 'ends the plan, healed, when a probe of 5 tasks a second sees it: failure_rate>20%, repeatable',
  }),
  'allow-total-outage': Flags.boolean({ summary: 'may take down the last server that is up', default: undefined }),
};
