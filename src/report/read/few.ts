const SHOWN = 3;

/** The first few of possibly millions of remarks, and how many more there were. */
export class Few {
  readonly #first: string[] = [];
  count = 0;

  add(text: string): void {
    this.count += 1;
    if (this.#first.length < SHOWN) this.#first.push(text);
  }

  /** One line each, the last one `and N more`. */
  lines(): string[] {
    const more = this.count - this.#first.length;
    return more > 0 ? [...this.#first, `and ${more} more`] : [...this.#first];
  }
}
