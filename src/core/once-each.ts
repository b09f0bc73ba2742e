/** What is said of each party once and not again until it has been well: trouble that repeats is no news. */
export class OnceEach {
  readonly #said = new Map<string, Set<string>>();
  #count = 0;
  #isFull = false;

  /** @param maxCount of things remembered; what comes beyond is told by nobody, so that no crowd can fill a log. */
  constructor(
    private readonly tell: (text: string) => void,
    private readonly maxCount = 1000,
  ) {}

  say(party: string, text: string): void {
    const said = this.#said.get(party);
    if (said?.has(text) === true) return;
    if (this.#count >= this.maxCount) return this.#overflow();
    this.#count += 1;
    if (said === undefined) this.#said.set(party, new Set([text]));
    else said.add(text);
    this.tell(text);
  }

  /** The next trouble of this party is news again. */
  well(party: string): void {
    const said = this.#said.get(party);
    if (said === undefined) return;
    this.#count -= said.size;
    this.#isFull = false;
    this.#said.delete(party);
  }

  #overflow(): void {
    if (!this.#isFull) this.tell(`more than ${this.maxCount} such troubles: others are not told`);
    this.#isFull = true;
  }
}
