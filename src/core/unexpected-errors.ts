/** Counts unexpected errors. Each kind is a bug in cloudp2p and is reported once, with its origin. */

/** The most kinds that are reported, so that errors cannot fill a log. */
const MAX_KINDS = 100;
const MAX_MESSAGE_CHARS = 300;
const MAX_FRAMES = 8;

export class UnexpectedErrors {
  count = 0;
  private readonly kinds = new Set<string>();

  constructor(private readonly tell: (text: string) => void) {}

  /** Two errors are of the same kind if they have the same name and origin. */
  add(error: unknown): void {
    this.count += 1;
    const { name, message, frames } = partsOf(error);
    const kind = `${name} ${frames[0]}`;
    if (this.kinds.size >= MAX_KINDS || this.kinds.has(kind)) return;
    this.kinds.add(kind);
    const text = [`${name}: ${message.slice(0, MAX_MESSAGE_CHARS)}`, ...frames].join(' ');
    this.tell(`unexpected error, the connection was closed; this is a bug in cloudp2p, please report it: ${text}`);
  }
}

/** `frames`: the lines of the stack that show the origin. */
function partsOf(error: unknown): { name: string; message: string; frames: string[] } {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error), frames: [] };
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  const frames = lines.filter((line) => line.startsWith('at ')).slice(0, MAX_FRAMES);
  return { name: error.name, message: error.message, frames };
}
