/** A carrier holds one bit of the secret in each of its bytes. */
const CARRIER_BYTES_EACH = 8;

/**
 * Makes a secret of few bytes, all different. It says the size of the one that it stands for: that is what takes time on
 * the wire and in CPUs.
 */
export function newSecret(name: string, size: number, random: number): Buffer {
  return Buffer.from(`${size}/${name}/${random}`);
}

/** Returns the size of the secret that this one stands for. */
export function wireBytes(secret: Uint8Array): number {
  return Math.max(secret.length, parseInt(Buffer.from(secret).toString('latin1'), 10) || 0);
}

/** Returns the size of its carrier. */
export function carrierBytes(secret: Uint8Array): number {
  return CARRIER_BYTES_EACH * wireBytes(secret);
}
