/** Reports each problem of a party once, and again only after the party has recovered. */

/** The most problems of one party, so that one party cannot use up the limit for all. */
const MAX_PER_PARTY = 10;

export class WarnOnce {
  private readonly said = new Map<string, Set<string>>();
  private count = 0;
  private isFull = false;

  /**
   * @param maxCount most problems remembered; further ones are suppressed, so that no number of parties can fill a log
   */
  constructor(
    private readonly tell: (text: string) => void,
    private readonly maxCount = 1000,
  ) {}

  say(party: string, text: string): void {
    const said = this.said.get(party);
    if (said?.has(text) === true || said?.size === MAX_PER_PARTY) return;
    if (this.count >= this.maxCount) return this.overflow();
    this.count += 1;
    if (said === undefined) this.said.set(party, new Set([text]));
    else said.add(text);
    this.tell(said?.size === MAX_PER_PARTY ? `${text}; further problems of the same kind are suppressed` : text);
  }

  /** The party has recovered: its next problem is reported again. */
  well(party: string): void {
    const said = this.said.get(party);
    if (said === undefined) return;
    this.count -= said.size;
    this.isFull = false;
    this.said.delete(party);
  }

  private overflow(): void {
    if (!this.isFull) this.tell(`more than ${this.maxCount} such warnings: further ones are suppressed`);
    this.isFull = true;
  }
}
