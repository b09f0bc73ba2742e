/** The Prometheus metrics of a server: its state on each scrape, and counts of its events. */
import { Counter, Gauge } from 'prom-client';
import type { ServerEvent } from '../core/metrics/record';
import type { StatusFields } from '../core/protocol';
import { expose, type Exposition } from './exposition';
import { addGauge, addInfo, addTotal, newRegistry } from './instruments';

/** The current state of a server, read on each scrape. */
export interface ServerLook {
  status: StatusFields;
  /** Accepted connections. */
  connectionCount: number;
  /** Over accepted connections, since the start. */
  traffic: { readBytes: number; writtenBytes: number };
  /** Tasks in the ledger, for all servers. */
  ledgerCount: number;
  /** Unexpected errors: each is a bug, for which a connection was closed. */
  unexpectedCount: number;
}

export interface ServerMetrics extends Exposition {
  /** Called for each event as it happens. */
  onEvent(event: ServerEvent): void;
}

const PREFIX = 'cloudp2p_server';

/**
 * Serves a server's metrics (docs/metrics.md) at `address` (host:port).
 * @throws ClusterError `address_in_use` | `bad_config` for the address
 */
export async function exposeServer(address: string, look: () => ServerLook): Promise<ServerMetrics> {
  const registry = newRegistry();
  const { server_id, version, incarnation } = look().status;
  addInfo(registry, `${PREFIX}_info`, 'Information about the server', { server_id, version, incarnation });
  addLeadership(registry, look);
  addLooks(registry, look);
  const onEvent = eventInstruments(registry);
  const { close } = await expose(address, registry);
  return { onEvent, close };
}

type AnyRegistry = ReturnType<typeof newRegistry>;

function addLeadership(registry: AnyRegistry, look: () => ServerLook): void {
  const gauge = (name: string, help: string, value: (status: StatusFields) => number | null): void =>
    addGauge(registry, `${PREFIX}_${name}`, help, () => value(look().status));
  gauge('term', 'Term of the latest leadership known to the server', ({ term }) => term);
  gauge('leader_id', 'Id of the current leader; no value while there is none', ({ leader_id: id }) => id);
  gauge('is_leader', '1 while this server is the leader', ({ server_id, leader_id }) =>
    Number(server_id === leader_id),
  );
  gauge('ready', '1 while this server accepts tasks', ({ phase }) => Number(phase === 'ready'));
  new Gauge({
    name: `${PREFIX}_peer_up`,
    help: '1 while this server hears the peer on a live link',
    labelNames: ['peer_id'],
    registers: [registry],
    collect() {
      for (const { id, up } of look().status.peers) this.set({ peer_id: id }, Number(up));
    },
  });
}

function addLooks(registry: AnyRegistry, look: () => ServerLook): void {
  const gauge = (name: string, help: string, value: (now: ServerLook) => number): void =>
    addGauge(registry, `${PREFIX}_${name}`, help, () => value(look()));
  gauge('load_score', 'Load score used by elections, 0 (idle) to 100', ({ status }) => status.load);
  gauge('workers', 'Number of tasks that the server executes at once', ({ status }) => status.workers);
  gauge('active_tasks', 'Tasks being executed', ({ status }) => status.active);
  gauge('queued_tasks', 'Tasks waiting in the queue', ({ status }) => status.queued);
  gauge(
    'ledger_tasks',
    'Tasks in flight anywhere in the cluster, as far as the server knows',
    ({ ledgerCount }) => ledgerCount,
  );
  gauge('connections', 'Open accepted connections', ({ connectionCount }) => connectionCount);
  const total = (name: string, help: string, value: (now: ServerLook) => number): void =>
    addTotal(registry, `${PREFIX}_${name}`, help, () => value(look()));
  const unexpectedHelp = 'Connections closed because of an unexpected error, a bug in cloudp2p';
  total('unexpected_errors_total', unexpectedHelp, ({ unexpectedCount }) => unexpectedCount);
  total('received_bytes_total', 'Bytes received on accepted connections', ({ traffic }) => traffic.readBytes);
  total('sent_bytes_total', 'Bytes sent on accepted connections', ({ traffic }) => traffic.writtenBytes);
}

/** Metrics counted event by event. */
function eventInstruments(registry: AnyRegistry): (event: ServerEvent) => void {
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name: `${PREFIX}_${name}`, help, labelNames, registers: [registry] });
  const executed = counter('executed_tasks_total', 'Tasks that ended on this server, by outcome', ['outcome']);
  for (const outcome of ['answered', 'failed', 'cancelled']) executed.inc({ outcome }, 0);
  const assigned = counter('assigned_tasks_total', 'Tasks assigned by this server as the leader');
  const elections = counter('elections_total', 'Times that this server lost its leader and looked for a new one');
  const leaders = counter('leader_changes_total', 'Times that the server began to follow a leader, or to lead');
  const downs = counter('peer_downs_total', 'Times that a peer went down', ['peer_id', 'reason']);
  const overloads = counter('overloads_total', 'Seconds in which the server refused tasks because its queue was full');
  let delaySecs: number | null = null;
  const delayHelp = 'Longest delay of the event loop in the last second';
  addGauge(registry, `${PREFIX}_event_loop_delay_seconds`, delayHelp, () => delaySecs);
  return (event) => {
    switch (event.event) {
      case 'executed':
        return executed.inc({ outcome: event.outcome });
      case 'assigned':
        return assigned.inc();
      case 'election':
        return elections.inc();
      case 'leader':
        return leaders.inc();
      case 'peer_down':
        return downs.inc({ peer_id: event.peer_id, reason: event.reason });
      case 'overloaded':
        return overloads.inc();
      case 'sample':
        delaySecs = event.event_loop_delay_ms / 1000;
    }
  };
}
