export interface ServerText {
  id: number;
  /** host:port, where it listens. */
  address: string;
  /** What it calls itself, where that is another. */
  advertiseAddress?: string;
}

/** The lines of a server's file; `peers` are the others, with their addresses. */
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

/** What is quoted here holds nothing that TOML and JSON write differently. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
