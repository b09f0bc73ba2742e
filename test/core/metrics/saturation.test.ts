import { GeneratorFold, type GeneratorSummary, pauseText } from '../../../src/core/metrics/saturation';

/** A sample without load problems; requests take 50 ms. */
const CALM = {
  cpu_percent: 40,
  event_loop_delay_ms: 4,
  event_loop_utilization_percent: 35,
  sent: 100,
  late_sends: 0,
  late_total_ms: 0,
  ended: 100,
  latency_total_ms: 5000,
};
const UNPAUSED = { pauses: 0, paused_ms: 0, longest_pause_ms: 0, longest_pause_at: null };
type Sample = typeof CALM & { time: number };

/** One sample per second; `change` modifies the sample at `index`. */
function samples(count: number, change: (index: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: count }, (_, index) => ({ ...CALM, time: 1e12 + index * 1000, ...change(index) }));
}

function summarizeGenerator(list: readonly Sample[]): GeneratorSummary {
  const fold = new GeneratorFold();
  for (const sample of list) fold.add(sample);
  return fold.summary();
}

const why = (list: Sample[]): string | null => summarizeGenerator(list).why;

describe('a generator', () => {
  it('that was calm is not a bottleneck, and its figures are reported', () => {
    const list = samples(60, (index) => (index === 7 ? { cpu_percent: 71.5, event_loop_delay_ms: 30 } : {}));
    expect(summarizeGenerator(list)).toEqual({
      cpu_percent_max: 71.5,
      event_loop_delay_max_ms: 30,
      ...UNPAUSED,
      sent: 6000,
      late_sends: 0,
      saturated: false,
      why: null,
    });
  });

  it('without samples is not judged', () => {
    expect(new GeneratorFold().summary()).toEqual({
      cpu_percent_max: 0,
      event_loop_delay_max_ms: 0,
      ...UNPAUSED,
      sent: 0,
      late_sends: 0,
      saturated: false,
      why: null,
    });
  });

  it('whose late sends took more than a twentieth of the usual latency on average was one', () => {
    const late = (totalMs: number): Sample[] => samples(10, () => ({ late_sends: 5, late_total_ms: totalMs }));
    expect(why(late(250))).toBeNull();
    expect(why(late(260))).toBe(
      '50 of its 1000 requests were sent late because it was busy, by 5.2% of the usual latency on average',
    );
  });

  it('is not judged by late sends that are few, or negligible beside the latencies', () => {
    expect(why(samples(3, () => ({ late_sends: 3, late_total_ms: 4000 })))).toBeNull();
    expect(why(samples(10, () => ({ late_sends: 50, late_total_ms: 1500, latency_total_ms: 700_000 })))).toBeNull();
    expect(why(samples(10, () => ({ late_sends: 50, late_total_ms: 1500, latency_total_ms: 0, ended: 0 })))).toBeNull();
  });

  it('whose loop stalled for more than a hundredth of the run was one', () => {
    const stalled = (count: number): Sample[] =>
      samples(100, (index) => (index < count ? { event_loop_delay_ms: 400 } : {}));
    expect(why(stalled(2))).toBeNull();
    expect(why(stalled(3))).toBe('its event loop stalled for up to 400 ms, 1.2% of the run in total');
  });

  it('is not judged by a slow start, short delays, or delays below the latencies', () => {
    expect(why(samples(5, (index) => (index === 0 ? { event_loop_delay_ms: 450 } : {})))).toBeNull();
    expect(why(samples(60, () => ({ event_loop_delay_ms: 90 })))).toBeNull();
    expect(why(samples(60, () => ({ event_loop_delay_ms: 400, latency_total_ms: 50_000 })))).toBeNull();
  });

  it('that stalled for seconds took no samples meanwhile: the time still counts', () => {
    const list = [...samples(10), { ...CALM, time: 1e12 + 13_000, event_loop_delay_ms: 3500 }];
    expect(why(list)).toBe('its event loop stalled for up to 3500 ms, 25.0% of the run in total');
  });

  it('whose loop was busy in over a fifth of the run was one, except at the start of a short run', () => {
    const busy = (of: number): Sample[] =>
      samples(of, (index) => (index < 3 ? { event_loop_utilization_percent: 97 } : {}));
    expect(why(busy(15))).toBeNull();
    expect(why(busy(14))).toBe('its event loop was busy for more than 90% of the time in 21.4% of the run');
    expect(why(samples(2, () => ({ event_loop_utilization_percent: 100 })))).toBeNull();
  });

  it('gives all reasons', () => {
    const busy = { event_loop_delay_ms: 900, event_loop_utilization_percent: 99 };
    expect(why(samples(10, () => ({ ...busy, late_sends: 50, late_total_ms: 4000 })))!.split('; ').length).toBe(3);
  });
});

describe('a generator that stood still', () => {
  const stopped = { event_loop_delay_ms: 12_500, time: 1e12 + 12_000, ended: 1, latency_total_ms: 12_764 };

  it('says for how long and when, and was a bottleneck, however few its requests', () => {
    const calm = samples(3, () => ({ ended: 0, latency_total_ms: 0 })).map((each) => ({
      ...each,
      time: each.time - 4000,
    }));
    const summary = summarizeGenerator([...calm, { ...CALM, ...stopped }]);
    const told = { pauses: 1, paused_ms: 12_500, longest_pause_ms: 12_500, longest_pause_at: 1e12 - 500 };
    expect(summary).toMatchObject({ ...told, saturated: true });
    expect(summary.why).toMatch(/^its event loop stalled for up to 12500 ms, /);
    expect(pauseText(summary)).toBe('stood still for 12.5 s at 2001-09-09T01:46:39.500Z');
  });

  it('several times: the longest is named', () => {
    const list = samples(60, (index) => (index % 20 === 7 ? { event_loop_delay_ms: 600 + index } : {}));
    expect(pauseText(summarizeGenerator(list))).toBe(
      'stood still 3 times, 1.9 s in total, the longest 0.6 s at 2001-09-09T01:47:26.353Z',
    );
    expect(pauseText(summarizeGenerator(samples(60)))).toBeNull();
  });
});
