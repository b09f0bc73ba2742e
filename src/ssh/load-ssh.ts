/** Loads the SSH packages on the first connection: they would slow down every other start. */
export async function loadSsh() {
  const [{ NodeSSH }, ssh2] = await Promise.all([import('node-ssh'), import('ssh2')]);
  return { NodeSSH, ssh2 };
}

export type SshPackages = Awaited<ReturnType<typeof loadSsh>>;
