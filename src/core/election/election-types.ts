/** The election's interface: its timings, its view of the cluster, its outputs, and its modes. */
import type { MessageOf } from '../protocol';

export interface ElectionTimings {
  heartbeatMs: number;
  failureTimeoutMs: number;
  electionTimeoutMs: number;
}

/** The election's view of the cluster: the peers as the failure detector sees them, and this server's own load. */
export interface ElectionView {
  /** True once every peer's state is known; false only right after the start. */
  settled(): boolean;
  /** Peers that are up by the detector and not leaving. */
  electablePeerIds(): number[];
  /** Peers whose link is open and heard, and that are not leaving. */
  askablePeerIds(): number[];
  /** Returns true if the peer is up, and its link is open and heard. */
  isReachable(peerId: number): boolean;
  isUp(peerId: number): boolean;
  loadScore(): number;
}

export type ElectionOutput =
  /** Sent as a peer, to the subscriber with that id. */
  | { type: 'tell'; peerId: number; message: MessageOf<'Election' | 'Alive' | 'Yield' | 'Coordinator'> }
  /** Sent as a client, on the link that this server dialed. */
  | { type: 'ask'; peerId: number; message: MessageOf<'LeaderCheck'> }
  /** Term or leader changed: notify every peer at once. */
  | { type: 'changed'; reason: string };

/**
 * - `resting` no leader is known, and nothing is in progress (until the state of every peer is known, after the start or a pause)
 * - `checking` asking every reachable peer whether the leader is alive, before standing
 * - `candidate` waiting for the answer of every electable peer
 * - `deferring` a better candidate objected; waiting for its Coordinator
 * - `confirming` this process was paused for a while; asking who leads now before acting again
 */
export type Mode = 'resting' | 'following' | 'checking' | 'candidate' | 'deferring' | 'leading' | 'confirming';
