import { judge } from '../sim/judge';
import { settingsOf } from '../sim/settings';
import { performStep } from '../sim/steps';
import { World } from '../sim/world';

/**
 * A scenario file: what it shows, settings, a script of `at <ms> <what>` lines, `---`, and the trace that it must give,
 * its tasks coalesced. A failing seed prints itself as one. Settings, each with its default:
 *
 *   seed 1               servers 3          start 0 12.5 800      (ms, one for each server; default: all at 0)
 *   clients 0 tasks 0 at once 1             begin 130             (ms; the clients start within 100 ms)
 *   programs 1           (the clients are divided among program1, program2, …)
 *   think 200            timeout 10000      images 0              (bytes of the secrets to choose from; 0: tiny ones)
 *   timings 1000 3000 2000                  (heartbeat, failure timeout, election timeout)
 *   timings of 2 900 3100 2000              (of one server; default: as all)
 *   cpu 1:10,2:20        (percent)          workers 2             queue 128 (tasks that may wait)
 *   service 5            (ms of a worker for a task; larger images take longer)
 *   cores Infinity       event 0            megabyte 0            (ms of an event loop for an event, and for each MB)
 *   delay 0.2            late-dial 0        bandwidth Infinity    (MB/s of each network card)
 *   drift 0              backlog 511        one-way 10            (ms that a message may take without a fault)
 *
 * Steps, for servers by id and hosts by name:
 *
 *   at 1500 kill 1       restart, terminate, pause, resume likewise; power-off: no connection is closed
 *   at 1500 cut 1 from server2,client1 silent|reset|packets both|in|out    (packets: acknowledgements vanish as well)
 *   at 1500 block 1 from server2 silent|reset     a firewall against new connections that 1 dials
 *   at 1500 slow 1 by 200 loss 0.1
 *   at 1500 starve 1 by 100       takes its CPUs away, about 100 ms each time
 *   at 1500 heal 1       ends all of these for links of 1
 *   at 1500 corrupt 1    wrong carriers, until `corrupt 1 off`
 *   at 1500 drop 1 2     closes the links between the two once
 *   at 1500 pause program1        and resume program1: the clients of a program
 *   at 3000 expect 1,2,3 follow 2        (`expect 1 follows nobody`)
 *   at 9000 expect failed 0 · done · slowest 250 · slowest 250 since 8000 · mean 80 since 8000 · cancelled 1 (tasks at least) · retries 20 (at most) · leaders 1,2 (so far, in order)
 *                                         · assigns 3 10 (tasks at least, by server 3) · gets 3 25 (assignments at most) · hedged 20 (requests at most)
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

/** Runs the script; returns the trace and every expectation or rule that did not hold, or only the first expectation. */
export function runScenario(script: readonly string[], onlyFirst = false): { trace: string[]; failures: string[] } {
  const world = new World(settingsOf(script));
  const failures: string[] = [];
  world.start();
  for (const line of script.filter((each) => each.startsWith('at '))) {
    const [, timeMs, ...words] = line.split(' ');
    world.runUntil(Number(timeMs));
    if (words[0] !== 'expect') performStep(world, words.join(' '));
    const failure = words[0] === 'expect' ? expectation(world, words.slice(1)) : null;
    if (failure) failures.push(`${line}: ${failure}`);
    if (failure && onlyFirst) return { trace: world.trace, failures };
  }
  for (const { rule, problems } of judge(world)) failures.push(`${rule}: ${problems.join('; ')}`);
  return { trace: world.trace.map((line) => line.trimEnd()), failures };
}

/** Returns what fails in a run of the script, without the details: its rules and expectations, or how it crashes. */
export function failuresOf(script: readonly string[]): string[] {
  try {
    return runScenario(script).failures.map((failure) => /^(?:at \S+ )?(.*?):/.exec(failure)![1]!);
  } catch (crash) {
    return [`CRASH ${(crash as Error).message.replace(/\d+/g, 'N')}`];
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
  if (what === 'assigns' || what === 'gets') {
    const own = world.events.filter(
      (each) => each.event === 'assigned' && (what === 'gets' ? each.to : each.server_id) === Number(verb),
    );
    const isRight = what === 'gets' ? own.length <= Number(value) : own.length >= Number(value);
    return isRight ? null : `there were ${own.length} assignments`;
  }
  if (what === 'hedged') {
    const count = records.filter(({ hedged }) => hedged).length;
    return count <= Number(verb) ? null : `${count} requests were hedged`;
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
