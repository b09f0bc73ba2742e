/** Finds out which other users can change a file. */
import { readFileSync, type Stats } from 'node:fs';

/** The texts of /etc/passwd and /etc/group. */
export interface Accounts {
  passwd: string;
  group: string;
}

export type Access = Pick<Stats, 'uid' | 'gid' | 'mode'>;

const [GROUP_WRITES, ALL_WRITE] = [0o020, 0o002];

/** Other users with write access, and the mode that removes it. */
export interface Writers {
  /** "everybody", or "group 1000" */
  who: string;
  /** `o-w`, `g-w` or `go-w` */
  chmod: string;
}

/**
 * Returns the users other than the owner who may write a file or in a folder; undefined if there are none. A group
 * without other members does not count: on systems with a group per user, files are usually group-writable.
 */
export function otherWriters({ uid, gid, mode }: Access, accounts = accountsHere): Writers | undefined {
  const groupWrites = (mode & GROUP_WRITES) !== 0 && !isPrivateGroup(gid, uid, accounts());
  if (mode & ALL_WRITE) return { who: 'everybody', chmod: groupWrites ? 'go-w' : 'o-w' };
  return groupWrites ? { who: `group ${gid}`, chmod: 'g-w' } : undefined;
}

/** True if a group is in the files of this machine, and this user is its only member. */
function isPrivateGroup(gid: number, uid: number, { passwd, group }: Accounts): boolean {
  const users = entriesOf(passwd);
  const names = users.flatMap(([name, , id]) => (Number(id) === uid ? [name] : []));
  const isPrimaryOfOthers = users.some(([, , id, primary]) => Number(primary) === gid && Number(id) !== uid);
  const groups = entriesOf(group).filter(([, , id]) => Number(id) === gid);
  const members = groups.flatMap(([, , , list = '']) => list.split(',').filter((name) => name !== ''));
  return groups.length > 0 && !isPrimaryOfOthers && members.every((name) => names.includes(name));
}

function entriesOf(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(':'));
}

function accountsHere(): Accounts {
  try {
    return { passwd: readFileSync('/etc/passwd', 'utf8'), group: readFileSync('/etc/group', 'utf8') };
  } catch {
    return { passwd: '', group: '' };
  }
}
