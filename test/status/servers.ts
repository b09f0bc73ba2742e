import type { StatusFields } from '../../src/core/protocol';

/** A server's status: ready, follows server 1 in term 1. */
export function status(id: number, more: Partial<StatusFields> = {}): StatusFields {
  return {
    server_id: id,
    address: `127.0.0.1:${8000 + id}`,
    phase: 'ready',
    incarnation: `life-of-${id}`,
    version: '0.1.0',
    uptime_secs: 65,
    term: 1,
    leader_id: 1,
    load: 12.34,
    workers: 2,
    active: 1,
    queued: 3,
    tasks_done: 42,
    outstanding: {},
    peers: [],
    ...more,
  };
}
