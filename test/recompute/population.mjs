/** The population of a run: which requests count, and as what (*Population* in honest-figures.md). */

/** The documented default of `request_timeout_secs`. */
const DEFAULT_TIMEOUT_SECS = 10;

export const NO_RECORD = 'No record';

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** Returns a setting of a load's run file, wherever it stands. */
function setting(runFile, key) {
  const config = runFile?.config ?? {};
  return config[key] ?? config.stress?.[key] ?? config.client?.[key];
}

/** Returns the largest of some numbers, also of very many; -Infinity of none. */
export function largest(values) {
  return values.reduce((max, value) => (value > max ? value : max), -Infinity);
}

/** Returns the smallest of some numbers; Infinity of none. */
export function smallest(values) {
  return values.reduce((min, value) => (value < min ? value : min), Infinity);
}

/** Returns the data of the newest run of each machine: "takes the newest unless --run ID". */
function newestOnly(run) {
  const records = run.records ?? [];
  const machineOf = (item) => {
    const named = /^Machine_(\d+)_Client_/.exec(item.client_name ?? '')?.[1];
    return item.machine_id ?? (named === undefined ? (run.runFiles?.[0]?.machine_id ?? 1) : Number(named));
  };
  const withMachine = (items) => (items ?? []).map((item) => ({ ...item, machine: machineOf(item) }));
  const all = withMachine(records);
  const runFiles = withMachine(run.runFiles);
  const newest = new Map();
  for (const machine of new Set(all.map((record) => record.machine))) {
    const own = all.filter((record) => record.machine === machine);
    const last = own.reduce((latest, record) => (record.start_time > latest.start_time ? record : latest));
    newest.set(machine, last.run_id);
  }
  for (const file of runFiles) newest.set(file.machine, file.run_id);
  const isNew = (item) =>
    item.run_id === undefined || newest.get(item.machine) === undefined || item.run_id === newest.get(item.machine);
  return {
    records: all.filter(isNew),
    runFiles,
    clientFiles: withMachine(run.clientFiles).filter(isNew),
    generator: withMachine(run.generator).filter(isNew),
    runIds: new Set(newest.values()),
  };
}

/** Returns the loop of the load: open at a rate, closed with think times; null if unknown, or not the same everywhere. */
function loopOf(runFiles) {
  const loopOfFile = (file) => {
    if (isNumber(setting(file, 'rate_per_second'))) return 'open';
    return thinkTimeOf(file) === null ? null : 'closed';
  };
  const loops = new Set(runFiles.map(loopOfFile));
  return loops.size === 1 ? [...loops][0] : null;
}

/** Returns the mean think time of a machine in ms ("With I the mean think time"); null if unknown. */
function thinkTimeOf(runFile) {
  const min = setting(runFile, 'min_delay_ms');
  const max = setting(runFile, 'max_delay_ms');
  return isNumber(min) && isNumber(max) ? (min + max) / 2 : null;
}

/**
 * Returns the outcome of a record. "Failures: failed; never sent (`Never sent: no client was free for 10s`)";
 * "Undecided: in flight, or waiting for a client, at the end". An unsent one was given up if it says so, or if it
 * waited for as long as that takes.
 */
function outcomeOf(record, timeoutMs) {
  const outcome = record.outcome ?? (record.success ? 'success' : 'failure');
  if (outcome === 'failure' && /^Never sent/.test(record.failure_reason ?? '')) return 'never_sent';
  if (outcome === 'success' || outcome === 'failure') return outcome;
  const gaveUp = /^Never sent/.test(record.failure_reason ?? '') || record.latency_ms >= timeoutMs;
  return outcome === 'unsent' && gaveUp ? 'never_sent' : 'undecided';
}

/**
 * Returns everything that counts in a run: `requests` (with those of the warm-up, marked), `missing` (one item a
 * missing record, with the time in which it must have been under way), and `unrecorded` clients, which have only JSON.
 */
export function populationOf(run) {
  const { records, runFiles, clientFiles, generator, runIds } = newestOnly(run);
  const timeouts = runFiles.map((file) => setting(file, 'request_timeout_secs')).filter(isNumber);
  const timeoutSecs = timeouts.length > 0 ? largest(timeouts) : DEFAULT_TIMEOUT_SECS;
  const loop = loopOf(runFiles);
  const runFileOf = (machine) => runFiles.find((file) => file.machine === machine);

  const requests = records.map((record) => {
    const file = runFileOf(record.machine);
    const warmupEnd = file === undefined ? -Infinity : file.started_at + (file.warmup_secs ?? 0) * 1000;
    const outcome = outcomeOf(record, timeoutSecs * 1000);
    return {
      ...record,
      due: record.start_time,
      end: record.start_time + record.latency_ms,
      isWarmup: record.start_time < warmupEnd && (file.warmup_secs ?? 0) > 0,
      outcome,
      wasSent: record.outcome !== 'unsent',
      isFailure: outcome === 'failure' || outcome === 'never_sent',
      reason:
        outcome === 'never_sent'
          ? (record.failure_reason ?? `Never sent: no client was free for ${timeoutSecs}s`)
          : (record.failure_reason ?? 'Unknown'),
    };
  });

  const { missing, unrecorded } = missingOf({ requests, runFiles, clientFiles, generator, runIds, events: run.events });
  return {
    requests,
    counted: requests.filter((request) => !request.isWarmup),
    missing,
    countedMissing: missing.filter((item) => !item.isWarmup),
    unrecorded,
    loop,
    thinkTimeOf: (machine) => thinkTimeOf(runFileOf(machine)),
    /** "The longest that a success can take (longest wait for a client + timeout: one constant a run)". */
    longestSuccessMs: (loop === 'closed' ? 1 : 2) * timeoutSecs * 1000,
    slowLimitMs: runFiles.map((file) => setting(file, 'slow_limit_ms')).find(isNumber) ?? null,
    addresses: largest([...runFiles.map((file) => setting(file, 'server_addresses')?.length ?? 0), 0]),
    endedAt: runFiles.map((file) => file.ended_at ?? null),
  };
}

/**
 * Returns the records that are missing: "if a gap in a client's request ids, a client's own sums, the plan, or another
 * file shows it". The ids of a client begin at 1.
 */
function missingOf({ requests, runFiles, clientFiles, generator, runIds, events = [] }) {
  const missing = [];
  const unrecorded = [];
  const machines = new Set([...requests, ...runFiles, ...clientFiles].map((item) => item.machine));
  for (const machine of machines) {
    const own = requests.filter((request) => request.machine === machine);
    const runFile = runFiles.find((file) => file.machine === machine);
    const files = clientFiles.filter((file) => file.machine === machine);
    const before = missing.length;
    const numberOf = (file) => file.client_id ?? Number(/_Client_(\d+)$/.exec(file.client_name ?? '')?.[1]);
    const executed = events
      .filter((event) => event.event === 'executed' && runIds.has(event.run_id))
      .map((event) => ({ ...event, name: /^Machine_(\d+)_Client_(\d+)$/.exec(event.client_name ?? '') }))
      .filter((event) => event.name !== null && Number(event.name[1]) === machine)
      .map((event) => ({ client: Number(event.name[2]), id: event.request_id }));
    const planned = plannedPerClient(runFile, files);
    const clients = new Set([
      ...own.map((request) => request.client_id),
      ...files.map(numberOf),
      ...executed.map((event) => event.client),
      ...Array.from({ length: planned === 0 ? 0 : setting(runFile, 'num_clients') }, (_, at) => at + 1),
    ]);

    for (const client of clients) {
      const sorted = own.filter((request) => request.client_id === client).sort((a, b) => a.request_id - b.request_id);
      const file = files.find((each) => numberOf(each) === client);
      if (sorted.length === 0 && runFile === undefined && own.length === 0) {
        // "One without records is counted from its JSON": this machine never wrote any.
        if (file !== undefined) unrecorded.push(file.aggregated_stats);
        continue;
      }
      const found = [];
      const ids = new Set(sorted.map((request) => request.request_id));
      const last = largest([
        ...ids,
        ...executed.filter((event) => event.client === client).map((event) => event.id),
        planned,
      ]);
      for (let id = 1; id <= last; id++) {
        if (ids.has(id)) continue;
        const previous = sorted.filter((request) => request.request_id < id).at(-1);
        const next = sorted.find((request) => request.request_id > id);
        found.push({
          machine,
          from: previous?.due ?? -Infinity,
          to: next?.end ?? Infinity,
          isWarmup: next?.isWarmup ?? false,
        });
      }
      const sums = file?.aggregated_stats;
      const decided = sorted.filter((request) => request.outcome !== 'undecided').length;
      const claimed = (sums?.successful_requests ?? 0) + (sums?.failed_requests ?? 0);
      fill(found, machine, claimed - decided - found.length);
      missing.push(...found);
    }

    // The generator's samples count all requests, those of the warm-up too.
    const samples = generator.filter((sample) => sample.machine === machine);
    const sum = (key) => samples.reduce((total, sample) => total + (sample[key] ?? 0), 0);
    const ended = own.filter((request) => request.outcome !== 'undecided').length;
    const sent = own.filter((request) => request.wasSent).length;
    const known = missing.length - before;
    const shown = Math.max(sum('ended') - ended, sum('sent') - sent, plannedInAll(runFile, files) - own.length);
    fill(missing, machine, shown - known);
  }
  return { missing, unrecorded };
}

/** Adds missing records of which only the number is known. */
function fill(list, machine, count) {
  for (let n = 0; n < count; n++) list.push({ machine, from: -Infinity, to: Infinity, isWarmup: false });
}

/** True if a load ran to the end of its plan; a load that was cut short is *invalid*, its rest is not missing. */
function ranToItsEnd(runFile, files) {
  const isCut = files.some((file) => file.interrupted === true) || (setting(runFile, 'abort_on') ?? []).length > 0;
  return isNumber(runFile?.ended_at) && !isCut;
}

/** Returns the number of requests of each client by the plan; 0 if time, not their number, ends the load. */
function plannedPerClient(runFile, files) {
  const isByNumber = !isNumber(setting(runFile, 'duration_secs')) && !isNumber(setting(runFile, 'rate_per_second'));
  const isKnown = isNumber(setting(runFile, 'num_clients')) && isNumber(setting(runFile, 'requests_per_client'));
  return ranToItsEnd(runFile, files) && isByNumber && isKnown ? setting(runFile, 'requests_per_client') : 0;
}

/** Returns the number of requests of an evenly spaced open loop by the plan; 0 if the plan does not tell it. */
function plannedInAll(runFile, files) {
  const rate = setting(runFile, 'rate_per_second');
  const secs = setting(runFile, 'duration_secs');
  const isEven = (setting(runFile, 'arrivals') ?? 'uniform') === 'uniform' && !(setting(runFile, 'ramp_up_secs') > 0);
  if (!ranToItsEnd(runFile, files) || !isNumber(rate) || !isNumber(secs) || !isEven) return 0;
  if (isNumber(setting(runFile, 'requests_per_client'))) return 0;
  return runFile.ended_at < runFile.started_at + secs * 1000 ? 0 : Math.floor(rate * secs + 1e-9);
}

/** Returns the counts and rates of *Population*; rates are percent. */
export function totalsOf(population) {
  const { counted, countedMissing, unrecorded } = population;
  const count = (outcome) => counted.filter((request) => request.outcome === outcome).length;
  const jsonSum = (key) => unrecorded.reduce((total, stats) => total + stats[key], 0);
  const successful = count('success') + jsonSum('successful_requests');
  const failed = count('failure') + count('never_sent') + countedMissing.length + jsonSum('failed_requests');
  const undecided = count('undecided');
  const decided = successful + failed;
  const total = decided + undecided;
  const duration = durationOf(population);
  return {
    total_requests: total,
    decided_requests: decided,
    undecided_requests: undecided,
    never_sent_requests: count('never_sent'),
    missing_records: countedMissing.length,
    successful_requests: successful,
    failed_requests: failed,
    failure_rate: decided === 0 ? null : (100 * failed) / decided,
    failure_rate_max: total === 0 ? null : (100 * (failed + undecided)) / total,
    duration_secs: duration,
    goodput_per_s: duration > 0 ? successful / duration : null,
    attempted_per_s: duration > 0 ? total / duration : null,
    server_distribution: distributionOf(population),
    failure_reasons: reasonsOf(population),
  };
}

/**
 * Returns the duration in seconds: "from the first due to `ended_at` of the run file (after the grace period), else to
 * the last due".
 */
function durationOf({ counted, endedAt }) {
  if (counted.length === 0) return null;
  const dues = counted.map((request) => request.due);
  return (largest([...dues, ...endedAt.filter(isNumber)]) - smallest(dues)) / 1000;
}

/** Returns "every request with an assigned_server_id, failed ones too", over the population. */
export function distributionOf({ counted, unrecorded }) {
  const counts = {};
  const add = (id, number) => (counts[id] = (counts[id] ?? 0) + number);
  for (const request of counted) if (isNumber(request.assigned_server_id)) add(request.assigned_server_id, 1);
  for (const stats of unrecorded) for (const [id, number] of Object.entries(stats.server_distribution)) add(id, number);
  return counts;
}

/** Returns how many of the failed requests had each reason. */
function reasonsOf({ counted, countedMissing, unrecorded }) {
  const counts = {};
  const add = (reason, number) => (counts[reason] = (counts[reason] ?? 0) + number);
  for (const request of counted) if (request.isFailure) add(request.reason, 1);
  for (const stats of unrecorded)
    for (const [reason, number] of Object.entries(stats.failure_reasons)) add(reason, number);
  if (countedMissing.length > 0) add(NO_RECORD, countedMissing.length);
  return counts;
}
