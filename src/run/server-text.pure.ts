/** The text of a server's configuration file in a run. */

export interface ServerText {
  id: number;
  /** The address it listens on (host:port). */
  address: string;
  /** The address it announces, if different. */
  advertiseAddress?: string;
}

/** Returns the lines of a server's file; `peers` are the others, with their addresses. */
export function serverLines(server: ServerText, peers: readonly { id: number; address: string }[]): string[] {
  const { id, address, advertiseAddress } = server;
  return [
    '[server]',
    `id = ${id}`,
    `address = ${quoted(address)}`,
    ...(advertiseAddress === undefined ? [] : [`advertise_address = ${quoted(advertiseAddress)}`]),
    '',
    '[peers]',
    'peers = [',
    ...peers.map((peer) => `    { id = ${peer.id}, address = ${quoted(peer.address)} },`),
    ']',
  ];
}

/** Quotes a text; none of these texts is written differently in TOML and JSON. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
