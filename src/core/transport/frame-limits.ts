/** What a frame may cost; the listener's and the dialer's defaults (docs/protocol.md). */
export interface FrameLimits {
  /** The 4-byte length. */
  maxFrameBytes: number;
  /** A plain frame (but a TaskRequest), an envelope's header, or what a TaskRequest has besides its secret. */
  maxJsonBytes: number;
  /** The secret of a plain TaskRequest. An envelope's is told to the handler, who judges it. */
  maxSecretBytes: number;
  maxDepth: number;
  /** Whether a plain TaskResponse may be larger than `maxJsonBytes` too; for clients that speak the original's form. */
  acceptsLargeResponses?: boolean;
}

const MIB = 1024 * 1024;

export const ACCEPTED_LIMITS: FrameLimits = {
  maxFrameBytes: 64 * MIB,
  maxJsonBytes: 64 * 1024,
  maxSecretBytes: 7 * MIB,
  maxDepth: 16,
};

/** On links that we dialed: a peer's history is one message. */
export const DIALED_LIMITS: FrameLimits = { ...ACCEPTED_LIMITS, maxJsonBytes: MIB };

/**
 * On a client's links: a carrier streams and takes no memory, so its server's `max_frame_bytes` alone bounds it. A
 * smaller bound of the client's own would have every server make the carrier, and none deliver it.
 */
export const CLIENT_LIMITS: FrameLimits = { ...DIALED_LIMITS, maxFrameBytes: 2 ** 32 - 1 };
