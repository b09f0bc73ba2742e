// npm run sim:mutations: puts faults that the rules guard against back into the code, one at a time, and tells after
// how many seeds the simulator notices each. A rule whose removal nothing notices is not needed, or not tested.
import { build } from 'esbuild';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
const MAX_SEEDS = Number(process.argv[2] ?? 3000);

/** Each: what is wrong, in which file, and the one place that is replaced. */
const MUTATIONS = [
  ['ties have no winner (strict <)', 'src/core/election/priority.ts', 'return a.id < b.id;', 'return false;'],
  [
    'no term: only the id orders leaderships',
    'src/core/election/leadership.ts',
    'if (a.term !== b.term) return a.term > b.term;',
    '',
  ],
  [
    "the sender's clock judges",
    'src/server/member.ts',
    'this.detector.heartbeat(peerId, message, now.nowMs)',
    'this.detector.heartbeat(peerId, message, message.timestamp * 1000)',
  ],
  [
    'a restart unseats: who comes back stands above the leader that it hears of, and load decides',
    'src/core/election/election.ts',
    "this.become('following', heard, `told by ${fromId}`);\n    } else if (!this.isLeaderKnownAlive()) {",
    "if (this.mode === 'resting') this.leadership = { term: heard.term, leaderId: null };\n      else this.become('following', heard, '');\n    } else if (!this.isLeaderKnownAlive()) {",
    "if (this.view.settled()) this.startAsking('checking', nowMs);",
    'if (this.view.settled()) this.stand(this.leadership.term + 1, nowMs);',
  ],
  [
    'a late answer to a check counts as a vote',
    'src/core/election/election.ts',
    'const asked = this.isAsking() && message',
    'const asked = message',
  ],
  [
    'no incarnation',
    'src/core/election/failure-detector.ts',
    'const restarted = peer.incarnation !== null && peer.incarnation !== beat.incarnation;',
    'const restarted = false;',
  ],
  [
    'no asking before standing',
    'src/core/election/election.ts',
    'const asked = this.view.askablePeerIds();',
    "const asked = mode === 'checking' ? [] : this.view.askablePeerIds();",
  ],
  [
    'who still hears a former life of this server counts as hearing another one',
    'src/server/peer-config-check.ts',
    'const PATIENCE_TIMEOUTS = 2;',
    'const PATIENCE_TIMEOUTS = 0;',
  ],
  ['a late tick judges', 'src/server/member.ts', 'this.onDetector(this.detector.resumed(now.nowMs), now);', ''],
  [
    'a leader that was stopped acts on without asking',
    'src/server/member.ts',
    'this.election.onResume(now.nowMs);',
    '',
  ],
  [
    'a leader ignores a candidate of a higher term',
    'src/core/election/election.ts',
    'if (message.term < this.leadership.term) {',
    'if (this.leads && message.term > this.leadership.term) return;\n    if (message.term < this.leadership.term) {',
  ],
  [
    'any leadership told is believed',
    'src/core/election/election.ts',
    'if (!isGreater(heard, this.leadership)) return;',
    'if (isSame(heard, this.leadership)) return;',
  ],
  [
    'up as soon as connected: a link that is not heard counts',
    'src/core/election/failure-detector.ts',
    "peer.linkState = 'open';\n    peer.heardOnLink = false;",
    "peer.linkState = 'open';\n    peer.heardOnLink = true; peer.heard = true; peer.hearsUs = true; peer.status = 'up'; peer.lastHeardMs = nowMs;",
  ],
  [
    'a dial is never begun anew',
    'src/core/election/failure-detector.ts',
    "if (peer.linkState === 'dialing' && nowMs >= peer.sinceMs + this.timings.heartbeatMs) {",
    'if (nowMs < 0) {',
  ],
  [
    'a silent link is kept',
    'src/core/election/failure-detector.ts',
    "if (peer.linkState === 'open') return [...outputs, ...this.redial(peer, nowMs)];",
    '',
  ],
  [
    'refused is waited out',
    'src/core/election/failure-detector.ts',
    "if (refused) return this.markDown(peer, 'refused');",
    "if (refused && peer.status === 'unknown') return this.markDown(peer, 'refused');",
  ],
  [
    'deaf peers count (no mutual hearing)',
    'src/core/election/failure-detector.ts',
    'peer.hearsUs = beat.hears.includes(this.selfId);',
    'peer.hearsUs = true;',
  ],
  [
    'an assignment never expires',
    'src/core/balancing/ledger.ts',
    'if (assignment.atMs + this.limits.assignmentTtlMs > nowMs) break;',
    'break;',
  ],
  [
    'no list on a new link',
    'src/server/member.ts',
    'return ledger.sync(peerId, syncKeys(message));',
    'return void syncKeys(message);',
  ],
  ["a dead server's tasks stay in the ledger", 'src/server/member.ts', 'this.takeOver(output.peerId, now);', ''],
  [
    'a deposed leader assigns on',
    'src/server/query-relay.ts',
    "if (this.election.mode === 'leading') return",
    "if (this.wasLeader ||= this.election.mode === 'leading') return",
  ],
  [
    'an election waits for its timeout',
    'src/core/election/election.ts',
    'for (const peerId of this.awaiting) if (!electable.has(peerId)) this.awaiting.delete(peerId);\n    if (this.awaiting.size > 0 && nowMs < this.deadlineMs) return;',
    'if (nowMs < this.deadlineMs) return;',
  ],
  [
    'load decides ties in balancing',
    'src/core/balancing/balancer.ts',
    'return Math.abs(difference) >= 1 / a.workers ? difference < 0 : a.lastAssigned < b.lastAssigned;',
    'return void difference, a.load < b.load;',
  ],
  [
    'a failed server is not excluded',
    'src/client/cluster-view.ts',
    'server.excludedUntilMs = nowMs + EXCLUSION_MS;',
    '',
  ],
  ['no hedging', 'src/client/hedging.ts', 'if (this.tokens < 1 ||', 'if (this.tokens < 1e9 ||'],
  [
    'a slow server is not avoided by all',
    'src/client/slow-servers.ts',
    'return breaker !== undefined && breaker.avoidMs > 0 && nowMs < breaker.untilMs;',
    'return void breaker, void nowMs, false;',
  ],
  [
    'what is late at a slow server needs a token to move',
    'src/client/attempt.ts',
    '!(isMoved || this.hedging.tryTake(nowMs))',
    '!(void isMoved, this.hedging.tryTake(nowMs))',
  ],
  [
    'every task asks though nobody knows a leader',
    'src/client/attempt.ts',
    '      this.view.goDirect(nowMs);\n    } else if',
    '    } else if',
  ],
  [
    'newcomers starve those who were sent away',
    'src/server/task-queue.ts',
    'if (hasMore.length === 0) return null;',
    'return void hasMore, null;',
  ],
  [
    'who is gone is asked though another is there and busy',
    'src/client/cluster-view.ts',
    'server.isBusy = isBusy;',
    'server.isBusy = false && isBusy;',
  ],
  [
    'an election holds a task up: no direct choice',
    'src/client/attempt.ts',
    'if (leaderId === null || assigned === null || this.view.isExcluded(assigned, nowMs)) this.sendDirect(nowMs);',
    'if (leaderId === null || assigned === null) { this.phase = "leaderless"; this.retry(nowMs, true); }',
  ],
  [
    'the loser of a hedge is not cancelled',
    'src/client/attempt.ts',
    "this.effects.push({ type: 'cancel', sendId, address });",
    '',
  ],
];

/** The text of a file with the fault in it. */
function faultySource(name, file, ...pairs) {
  let source = readFileSync(path.join(root, file), 'utf8');
  for (let index = 0; index < pairs.length; index += 2) {
    const places = source.split(pairs[index]).length - 1;
    if (places !== 1) throw new Error(`"${name}": the text to replace stands ${places} times in ${file}`);
    source = source.replace(pairs[index], () => pairs[index + 1]);
  }
  return source;
}

async function mutated(name, file, ...pairs) {
  const target = path.join(root, file);
  const source = faultySource(name, file, ...pairs);
  const plugin = {
    name: 'mutate',
    setup(pluginBuild) {
      pluginBuild.onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
        loaded === target ? { contents: source, loader: 'ts' } : undefined,
      );
    },
  };
  const outfile = path.join(root, 'dist', `sim-mutation-${process.pid}.cjs`);
  const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', plugins: [plugin], outfile };
  await build({ ...options, entryPoints: [path.join(here, 'mutation-entry.ts')], logLevel: 'error' });
  const require = createRequire(import.meta.url);
  delete require.cache[outfile];
  return require(outfile);
}

function caughtBySeed({ simulate }) {
  for (let seed = 1; seed <= MAX_SEEDS; seed++) {
    const { violations, crash } = simulate(seed);
    if (crash) return `seed ${seed} (${String(crash.message).slice(0, 60)})`;
    if (violations.length > 0) return `seed ${seed} (${violations.map(({ rule }) => rule).join(', ')})`;
  }
  return null;
}

function caughtByScenario({ parseScenario, runScenario }) {
  const folder = path.join(here, '..', 'scenarios');
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.scenario'))) {
    try {
      const { failures } = runScenario(parseScenario(readFileSync(path.join(folder, name), 'utf8')).script);
      if (failures.length > 0) return `scenario ${name} (${failures[0].slice(0, 80)})`;
    } catch (crash) {
      return `scenario ${name} (${String(crash.message).slice(0, 60)})`;
    }
  }
  return null;
}

// Said at once, not after half an hour: what became of the code that the last of them replaces.
for (const mutation of MUTATIONS) faultySource(...mutation);
const only = process.argv[3];
let survivors = 0;
for (const mutation of MUTATIONS) {
  if (only && !mutation[0].includes(only)) continue;
  const program = await mutated(...mutation);
  const seed = caughtBySeed(program);
  const scenario = caughtByScenario(program);
  if (!seed && !scenario) survivors += 1;
  console.log(`${mutation[0]}\n    ${seed ?? `no seed of ${MAX_SEEDS}`}; ${scenario ?? 'no scenario'}`);
}
console.log(`${MUTATIONS.length} mutations, ${survivors} caught by nothing`);
