import { check, violations } from '../../src/check/check';
import type { Timings } from '../../src/server/member/effects';
import { World } from '../sim/scenario';

/**
 * A scenario file: what it shows, a script of `at <ms> <what>` lines, `---`, and the trace that it must give, its tasks
 * coalesced.
 *
 *   servers 3            clients 2 tasks 10     cpu 2 90        seed 7       delay 0.5      service 300   think 800    queue 2 (tasks that may wait)
 *   timings 1000 3000 2000   (heartbeat, failure timeout, election timeout)
 *   at 1500 kill 1       restart, pause, resume, terminate, heal likewise
 *   at 1500 cut 1 from server2,server3 silent|reset both|in|out
 *   at 1500 slow 1 by 200 loss 0.1
 *   at 1500 drop 1 2     closes the links between the two once
 *   at 3000 expect 1,2,3 follow 2        (`expect 1 follows nobody`)
 *   at 9000 expect failed 0 · done · slowest 250 · slowest 250 since 8000 · mean 80 since 8000 · cancelled 1 (tasks at least) · retries 20 (at most) · leaders 1,2 (so far, in order)
 *                                         · term 2 (the greatest known to any server) · balance 1.05 (largest share over the mean)
 */
export interface Scenario {
  title: string[];
  script: string[];
  trace: string[];
}

export function parseScenario(text: string): Scenario {
  const [head = '', trace = ''] = text.split(/^---\n/m);
  const lines = head.split('\n').filter((line) => line.trim() !== '');
  return {
    title: lines.filter((line) => line.startsWith('#')),
    script: lines.filter((line) => !line.startsWith('#')),
    trace: trace.split('\n').filter((line) => line !== ''),
  };
}

export function formatScenario({ title, script, trace }: Scenario): string {
  return [...title, '', ...script, '---', ...trace, ''].join('\n');
}

/** Runs the script; returns the trace and every expectation or rule that did not hold. */
export function runScenario(script: readonly string[]): { trace: string[]; failures: string[] } {
  const settings = new Map(script.filter((line) => !line.startsWith('at ')).map((line) => splitOnce(line)));
  const [clients = 0, , tasksPerClient = 0] = (settings.get('clients') ?? '').split(' ').map(Number);
  const world = new World({
    seed: Number(settings.get('seed') ?? 1),
    servers: Number(settings.get('servers') ?? 3),
    clients,
    tasksPerClient,
    baseDelayMs: Number(settings.get('delay') ?? 0.2),
    serviceMs: Number(settings.get('service') ?? 5),
    queueLimit: Number(settings.get('queue') ?? 128),
    thinkMs: Number(settings.get('think') ?? 200),
    timings: timingsOf(settings.get('timings')),
  });
  for (const [id, cpu] of (settings.get('cpu') ?? '').split(',').map((pair) => pair.split(':').map(Number))) {
    if (id) world.setCpu(id, cpu!);
  }
  const failures: string[] = [];
  world.startTogether();
  world.runUntil(130); // the covers are decoded
  world.startClients();
  for (const line of script.filter((each) => each.startsWith('at '))) {
    const [, timeMs, ...words] = line.split(' ');
    world.runUntil(Number(timeMs));
    const failure = perform(world, words);
    if (failure) failures.push(`${line}: ${failure}`);
  }
  for (const { rule, problems } of violations(check(world.history(10))))
    failures.push(`${rule}: ${problems.join('; ')}`);
  return { trace: world.trace.map((line) => line.trimEnd()), failures };
}

function perform(world: World, words: string[]): string | null {
  const [verb, first, second] = words;
  const id = Number(first);
  switch (verb) {
    case 'kill':
      world.kill(id);
      return null;
    case 'restart':
      world.restart(id);
      return null;
    case 'pause':
      world.pause(id);
      return null;
    case 'resume':
      world.resume(id);
      return null;
    case 'terminate':
      world.terminate(id);
      return null;
    case 'heal':
      world.heal(id);
      return null;
    case 'cut':
      world.partition(id, words[3]!.split(','), words[4] as 'silent' | 'reset', words[5] as 'both' | 'in' | 'out');
      return null;
    case 'slow':
      world.slowDown(id, Number(words[3]), Number(words[5] ?? 0));
      return null;
    case 'drop':
      world.dropLinks(id, Number(second));
      return null;
    case 'expect':
      return expectation(world, words.slice(1));
    default:
      return `no such step: ${words.join(' ')}`;
  }
}

function expectation(world: World, words: string[]): string | null {
  const [what, verb, value] = words;
  const records = world.clients.flatMap((client) => client.records);
  if (what === 'done') return world.clients.every((client) => client.isDone) ? null : 'not every client is done';
  if (what === 'failed') return same(records.filter((record) => !record.success).length, Number(verb));
  if (what === 'cancelled') {
    const events = world.events.filter((each) => each.event === 'executed' && each.outcome === 'cancelled');
    return events.length >= Number(verb) ? null : `only ${events.length} tasks were cancelled`;
  }
  if (what === 'retries') {
    const count = records.reduce((sum, { retry_count }) => sum + retry_count, 0);
    return count <= Number(verb) ? null : `there were ${count} retries`;
  }
  if (what === 'slowest') {
    const sinceMs = Number(words[3] ?? 0);
    const latenciesMs = records.flatMap((each) => (each.start_time >= sinceMs ? [each.latency_ms] : []));
    const slowestMs = Math.max(...latenciesMs);
    return slowestMs <= Number(verb) ? null : `the slowest request took ${slowestMs.toFixed(1)} ms`;
  }
  if (what === 'mean') {
    const latenciesMs = records.flatMap((each) => (each.start_time >= Number(words[3]) ? [each.latency_ms] : []));
    const meanMs = latenciesMs.reduce((sum, each) => sum + each, 0) / latenciesMs.length;
    return meanMs <= Number(verb) ? null : `the requests took ${meanMs.toFixed(1)} ms on average`;
  }
  if (what === 'balance') {
    const shares = world.serverIds.map((id) => records.filter((each) => each.assigned_server_id === id).length);
    const ratio = Math.max(...shares) / (records.length / shares.length);
    return ratio <= Number(verb) ? null : `max/mean is ${ratio.toFixed(2)}: ${shares.join(', ')}`;
  }
  if (what === 'term') {
    const terms = [...world.servers.values()].map((server) => server.member.election.leadership.term);
    return same(Math.max(...terms), Number(verb));
  }
  if (what === 'leaders') return same(leaders(world), verb!);
  const wanted = value === 'nobody' ? null : Number(value);
  for (const id of what!.split(',').map(Number)) {
    const { leaderId } = world.servers.get(id)!.member.election.leadership;
    if (leaderId !== wanted) return `server ${id} follows ${leaderId}`;
  }
  return null;
}

/** The leaders in order, from the events of the leaders themselves. */
function leaders(world: World): string {
  const ids = world.events.flatMap((event) =>
    event.event === 'leader' && event.leader_id === event.server_id ? [event.server_id] : [],
  );
  return ids.filter((id, index) => id !== ids[index - 1]).join(',');
}

function same(actual: unknown, wanted: unknown): string | null {
  return actual === wanted ? null : `it is ${String(actual)}`;
}

function timingsOf(text: string | undefined): Timings | undefined {
  if (text === undefined) return undefined;
  const [heartbeatMs, failureTimeoutMs, electionTimeoutMs] = text.split(' ').map(Number);
  return { heartbeatMs: heartbeatMs!, failureTimeoutMs: failureTimeoutMs!, electionTimeoutMs: electionTimeoutMs! };
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(' ');
  return [line.slice(0, at), line.slice(at + 1)];
}
