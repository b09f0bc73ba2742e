// A process that looks like a server from outside: `node likeness.cjs server --config x.toml`; x.json says what it does.
// It listens, writes a pid file as a server does, and lives until it is killed.
const { readFileSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:net');

const config = process.argv[4];
const {
  id,
  host = '127.0.0.1',
  port,
  pidFile,
  exitCode,
  isDeaf,
  isDeafToSigterm,
  says,
  lie,
} = JSON.parse(readFileSync(config.replace(/toml$/, 'json'), 'utf8'));
if (says) console.log(says);
if (exitCode !== undefined) process.exit(exitCode);
if (isDeafToSigterm) process.on('SIGTERM', () => undefined);
const startMs = Math.round(Date.now() - process.uptime() * 1000);
const writePid = () =>
  writeFileSync(pidFile, JSON.stringify({ pid: process.pid, start_time: startMs, server_id: id, config, ...lie }));
if (isDeaf) {
  writePid();
  setInterval(() => undefined, 1000);
} else createServer().listen(port, host, writePid);
