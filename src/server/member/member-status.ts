/** Returns one server's status for `cloudp2p status` and for its Prometheus metrics. */
import type { MessageOf } from '../../core/protocol';
import type { ConnInfo } from './effects';
import type { Member } from './member';

export function memberStatus(member: Member, conn: ConnInfo, nowMs: number): MessageOf<'StatusResponse'> {
  const { config, election, executor, detector, assigner } = member;
  const { queue } = executor;
  const serverIds = [config.id, ...config.peers.map((peer) => peer.id)];
  return {
    kind: 'StatusResponse',
    server_id: config.id,
    address: config.address ?? conn.localAddress,
    phase: executor.phase,
    incarnation: config.incarnation,
    version: config.version,
    uptime_secs: Math.round(nowMs - member.startedMs) / 1000,
    term: election.leadership.term,
    leader_id: election.activeLeaderId,
    load: Math.round(member.loadScore * 100) / 100,
    workers: config.workers,
    active: queue.activeCount,
    queued: queue.queuedCount,
    tasks_done: queue.doneCount,
    outstanding: Object.fromEntries(serverIds.map((id) => [id, assigner.ledger.outstanding(id)])),
    peers: config.peers.map(({ id, address }) => ({ id, address, up: detector.isUp(id) })),
  };
}
