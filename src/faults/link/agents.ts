/** Connects a fault simulation to all its servers: one agent per host, checked before the first fault. */
import type { FaultServer } from '../../config/faults-config';
import { type ClockOffset, isFarOff } from '../../core/clock-offset';
import { ClusterError } from '../../core/errors';
import { formatAddress } from '../../core/transport/address';
import type { Hello, ServerReport } from '../agent/protocol.pure';
import type { Driver } from '../driver';
import { reasonOf } from '../refusal';
import { HostLink, type HostOptions } from './host-link';
import { nameOf } from './open-channel';
import { remoteDriver } from './remote-driver';

export interface ConnectOptions extends HostOptions {
  servers: readonly FaultServer[];
  signal: AbortSignal;
}

/** Access to all servers of a fault simulation. */
export interface ServerAccess {
  driver: Driver;
  /** Their addresses for clients (host:port). */
  addresses: readonly string[];
  /** True if any of the servers requires TLS. */
  isSecure: boolean;
  /** Problems that do not prevent the faults, one line each. */
  warnings: readonly string[];
  /** Aborted when an agent is gone; the reason is a text. */
  lost: AbortSignal;
  /** Ends all agents, which heal their active faults. */
  end(): Promise<void>;
}

interface Host {
  link: HostLink;
  hello: Hello;
  clock: ClockOffset;
}

/** A problem that prevents the faults; `config` is an error in faults.toml or in a file that it names. */
interface Problem {
  kind: ServerReport['problems'][number]['kind'];
  text: string;
}

/**
 * Starts an agent on each host in parallel, which takes the locks of its servers, and checks everything before the
 * first fault. Agents of another version than this program are refused.
 * @throws ClusterError `bad_config` | `not_reachable`, one line per problem; all agents are then ended
 */
export async function connectAgents(options: ConnectOptions): Promise<ServerAccess> {
  const names = [...new Set(options.servers.map(({ host }) => host))];
  const results = await Promise.all(names.map((host) => greet(host, options)));
  const hosts = results.flatMap((result) => ('link' in result ? [result] : []));
  const problems = results.flatMap((result) => ('link' in result ? problemsOf(result, options) : [result]));
  const end = async (): Promise<void> => void (await Promise.all(hosts.map(({ link }) => link.end())));
  if (options.signal.aborted) {
    await end();
    throw new ClusterError('interrupted', 'interrupted before the first fault');
  }
  if (problems.length > 0) {
    await end();
    const isMistake = problems.some(({ kind }) => kind === 'config');
    throw new ClusterError(isMistake ? 'bad_config' : 'not_reachable', problems.map(({ text }) => text).join('\n'));
  }
  const reports = hosts.flatMap(({ hello }) => hello.servers);
  return {
    driver: remoteDriver(hosts.map(({ link }) => link)),
    addresses: hosts.flatMap(addressesOf),
    isSecure: reports.some(({ isSecure }) => isSecure),
    warnings: hosts.flatMap(warningsOf),
    lost: AbortSignal.any(hosts.map(({ link }) => link.lost)),
    end,
  };
}

async function greet(host: string, options: ConnectOptions): Promise<Host | Problem> {
  const servers = options.servers.filter((server) => server.host === host);
  const link = new HostLink(host, servers, options);
  try {
    return { link, hello: await link.greet(options.signal), clock: await link.clockOffset() };
  } catch (error) {
    await link.end();
    const isMistake = error instanceof ClusterError && error.code === 'bad_config';
    return { kind: isMistake ? 'config' : 'state', text: reasonOf(error) };
  }
}

function problemsOf({ link: { host }, hello }: Host, { program: { version }, kinds }: ConnectOptions): Problem[] {
  if (hello.version !== version) {
    const text = `${host}: the program there is version ${hello.version}, this one is ${version}`;
    return [{ kind: 'state', text }];
  }
  const unable = kinds.flatMap((kind): Problem[] => {
    const why = hello.unable[kind];
    return why === undefined ? [] : [{ kind: 'state', text: `${host}: cannot inject "${kind}": ${why}` }];
  });
  const servers = hello.servers.flatMap(({ id, problems }) =>
    problems.map(({ kind, text }) => ({ kind, text: `Server ${id} on ${host}: ${text}` })),
  );
  return [...unable, ...servers];
}

function warningsOf({ link: { host }, clock }: Host): string[] {
  if (!isFarOff(clock)) return [];
  const { offsetMs, uncertaintyMs } = clock;
  const side = offsetMs > 0 ? 'ahead of' : 'behind';
  const much = `${Math.abs(Math.round(offsetMs))} ms ± ${Math.ceil(uncertaintyMs)} ms`;
  return [`the clock of ${host} is ${much} ${side} this one: event times of the two machines are not comparable`];
}

/** A server that listens on every address and announces none is reached at that of its machine. */
function addressesOf({ link: { host }, hello }: Host): string[] {
  return hello.servers.map(({ advertised }) =>
    typeof advertised === 'number' ? formatAddress(nameOf(host), advertised) : advertised!,
  );
}
