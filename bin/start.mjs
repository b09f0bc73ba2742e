// npm start: three servers on this machine, every test image through them, the leader killed while requests run, and
// what came of it. Ends with 0 only if every byte was right and no request failed. Until `cloudp2p run` replaces it.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LOAD_SECS = 18;
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const program = path.join(root, 'dist', 'cloudp2p');
const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-start-'));
const testImage = (name) => path.join(root, 'test_images', name);
const say = (text) => console.log(text);
const children = new Set();
const problems = [];
const leftovers = [folder]; // and a build that was interrupted: it looks like a program
// However this ends, nothing stays.
process.on('exit', () => {
  for (const { pid } of children) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {} // ended by itself a moment ago, or never began
  }
  for (const unwanted of leftovers) rmSync(unwanted, { recursive: true, force: true, maxRetries: 10 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** Starts a program; `ended` resolves with its exit code or signal, or with why it did not start. */
function begin(command, args, stdio, cwd = folder) {
  // In a group of its own: Ctrl-C reaches only this program, which then ends them all, with what they started.
  const child = spawn(command, args, { cwd, stdio, detached: true });
  children.add(child);
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message)).once('close', (code, signal) => resolve(code ?? signal));
  });
  child.ended = ended.finally(() => children.delete(child));
  return child;
}

/** Runs one command to its end: its exit code, and what it says with --json (an `error` if that is nothing). */
async function cloudp2p(...args) {
  const child = begin(program, [...args, '--json'], ['ignore', 'pipe', 'inherit']);
  let out = '';
  child.stdout.on('data', (data) => (out += data));
  const code = await child.ended;
  return { code, ...(out === '' ? { error: { message: `${args[0]} ended with ${code}` } } : JSON.parse(out)) };
}

const ids = [1, 2, 3];
// Free ports, held open together so that they differ.
const holders = ids.map(() => createServer().listen(0, '127.0.0.1'));
await Promise.all(holders.map((holder) => once(holder, 'listening')));
const addresses = new Map(ids.map((id, index) => [id, `127.0.0.1:${holders[index].address().port}`]));
await Promise.all(holders.map((holder) => once(holder.close(), 'close')));
const at = (someIds) => someIds.flatMap((id) => ['--server', addresses.get(id)]);
const servers = new Map();

function startServer(id) {
  const peers = ids.flatMap((peer) => (peer === id ? [] : ['--peer', `${peer}@${addresses.get(peer)}`]));
  const args = ['server', '--id', String(id), '--address', addresses.get(id), ...peers];
  servers.set(id, begin(program, args, ['ignore', 'ignore', 'inherit']));
}

async function agreement(someIds) {
  const answer = await cloudp2p('status', '--wait', '10', ...at(someIds));
  if (!answer.agreed) throw new Error(answer.verdict ?? answer.error.message);
  return answer;
}

async function hideAndReveal(name) {
  const [carrier, back] = [path.join(folder, `${name}.carrier.png`), path.join(folder, name)];
  const hidden = await cloudp2p('client', 'hide', testImage(name), '--out', carrier, ...at(ids));
  const revealed = hidden.code === 0 ? await cloudp2p('client', 'reveal', carrier, '--out', back) : hidden;
  if (revealed.code !== 0) return problems.push(`${name}: ${revealed.error?.message}`);
  const isSame = readFileSync(back).equals(readFileSync(testImage(name)));
  if (!isSame) problems.push(`${name}: other bytes came back`);
  const { secret_bytes: bytes, carrier_bytes: size, server_id: id, latency_ms: ms } = hidden;
  const verdict = isSame ? 'the same bytes' : 'OTHER BYTES';
  say(`  ${name}: ${bytes} bytes, server ${id}, ${ms.toFixed(0)} ms, carrier of ${size} bytes; revealed: ${verdict}`);
}

/** When the last of these servers began to follow that leader, by their event files. */
function followedMs(someIds, { term, leader_id: leaderId }) {
  const times = someIds.map((id) => {
    const lines = readFileSync(path.join(folder, `server_${id}_events.ndjson`), 'utf8')
      .trim()
      .split('\n');
    const isIt = (each) => each.event === 'leader' && each.term === term && each.leader_id === leaderId;
    return lines.map((line) => JSON.parse(line)).find(isIt)?.time ?? NaN;
  });
  return Math.max(...times);
}

async function killUnderLoad(leaderId) {
  cpSync(testImage('small.png'), path.join(folder, 'images', 'small.png'));
  const how = ['--image-dir', 'images', '--min-delay-ms', '0', '--max-delay-ms', '5', '--duration', String(LOAD_SECS)];
  const clients = ids.map((n) => cloudp2p('client', '--client-id', String(n), ...how, ...at(ids)));
  await sleep(LOAD_SECS * 500);
  const killedMs = performance.timeOrigin + performance.now();
  servers.get(leaderId).kill('SIGKILL');
  say(`  Server ${leaderId} led, and was killed (SIGKILL).`);
  const results = await Promise.all(clients);
  const survivors = ids.filter((id) => id !== leaderId);
  const next = await agreement(survivors);
  const tookMs = followedMs(survivors, next) - killedMs;
  say(`  Server ${next.leader_id} leads now, in term ${next.term}; both survivors knew after ${tookMs.toFixed(1)} ms.`);
  tellRequests(results);
}

function tellRequests(results) {
  for (const { code, error } of results) if (code !== 0) problems.push(`a client: ${error?.message ?? code}`);
  const stats = results.flatMap((result) => result.aggregated_stats ?? []);
  const sum = (key) => stats.reduce((total, each) => total + each[key], 0);
  const [total, failed, retries] = ['total_requests', 'failed_requests', 'retry_count'].map(sum);
  const longestMs = Math.max(...stats.map((each) => each.latency_max_ms ?? NaN));
  say(`  ${total} requests, ${failed} failed, retries: ${retries}; the longest took ${longestMs.toFixed(1)} ms.`);
  if (failed > 0 || total === 0) problems.push(`${failed} of ${total} requests failed`);
}

async function main() {
  if (!existsSync(program)) {
    say('dist/cloudp2p is not there yet: building it.');
    leftovers.push(program);
    const code = await begin(process.execPath, ['esbuild.config.mjs'], 'inherit', root).ended;
    if (code !== 0) throw new Error(`the build ended with ${code}`);
    leftovers.pop();
  }
  say(`Three servers on ${[...addresses.values()].join(', ')}:`);
  ids.forEach(startServer);
  const { verdict, leader_id: leaderId } = await agreement(ids);
  say(`  ${verdict}\nEach test image through them and back:`);
  for (const name of ['small.png', 'medium.jpg', 'large.png']) await hideAndReveal(name);
  say(`Three clients send small.png for ${LOAD_SECS} s and compare every carrier; in the middle the leader is killed:`);
  await killUnderLoad(leaderId);
  startServer(leaderId);
  say(`Server ${leaderId} is started again:\n  ${(await agreement(ids)).verdict}`);
  servers.forEach((server) => server.kill('SIGTERM'));
  const codes = await Promise.all([...servers.values()].map((server) => server.ended));
  if (codes.some((code) => code !== 0)) problems.push(`the servers ended with ${codes.join(', ')} on SIGTERM`);
  for (const problem of problems) say(`NOT WELL: ${problem}`);
  if (problems.length === 0) say('All stopped. Every byte was right, nothing failed.');
  return problems.length > 0 ? 3 : 0;
}

process.exit(await main().catch((error) => (console.error(`Error: ${error.message}`), 1)));
