/** Kinds that are told; a crowd of them must not fill a log. */
const MAX_KINDS = 100;
const MAX_MESSAGE_CHARS = 300;
const MAX_FRAMES = 8;

/** Counts errors that nobody expected. Each kind is a bug of ours and is told once, with where it came from. */
export class UnexpectedErrors {
  count = 0;
  readonly #kinds = new Set<string>();

  constructor(private readonly tell: (text: string) => void) {}

  /** Two errors are of one kind if they have the same name and came from the same place. */
  add(error: unknown): void {
    this.count += 1;
    const { name, message, frames } = partsOf(error);
    const kind = `${name} ${frames[0]}`;
    if (this.#kinds.size >= MAX_KINDS || this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    const text = [`${name}: ${message.slice(0, MAX_MESSAGE_CHARS)}`, ...frames].join(' ');
    this.tell(`unexpected, a connection was closed for it; this is a bug in cloudp2p, please report it: ${text}`);
  }
}

/** `frames`: the lines of the stack that say where. */
function partsOf(error: unknown): { name: string; message: string; frames: string[] } {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error), frames: [] };
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  const frames = lines.filter((line) => line.startsWith('at ')).slice(0, MAX_FRAMES);
  return { name: error.name, message: error.message, frames };
}
