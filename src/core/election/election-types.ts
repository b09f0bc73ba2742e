import type { MessageOf } from '../protocol';

export interface ElectionTimings {
  heartbeatMs: number;
  electionTimeoutMs: number;
}

/** What the election may look at: the peers as the failure detector sees them, and this server's own load. */
export interface ElectionView {
  /** Every peer's state is known; false only right after the start. */
  settled(): boolean;
  /** Up by the detector and not leaving. */
  electablePeerIds(): number[];
  /** Its link is open and heard, and it is not leaving. */
  askablePeerIds(): number[];
  /** Up, and its link is open and heard. */
  isReachable(peerId: number): boolean;
  isUp(peerId: number): boolean;
  loadScore(): number;
}

export type ElectionOutput =
  /** As a peer, to whoever subscribed under that id. */
  | { type: 'tell'; peerId: number; message: MessageOf<'Election' | 'Alive' | 'Yield' | 'Coordinator'> }
  /** As a client, on the link that this server dialed. */
  | { type: 'ask'; peerId: number; message: MessageOf<'LeaderCheck'> }
  /** Term or leader changed: tell every peer at once. */
  | { type: 'changed'; reason: string };

/**
 * - `resting` nobody is known to lead, and nothing is under way (only until the first evaluation)
 * - `checking` asking every reachable peer whether the leader lives, before standing
 * - `candidate` waiting for the answer of every electable peer
 * - `deferring` a better candidate objected; waiting for its Coordinator
 * - `confirming` this process was stopped for a while; asking who leads now before acting again
 */
export type Mode = 'resting' | 'following' | 'checking' | 'candidate' | 'deferring' | 'leading' | 'confirming';
