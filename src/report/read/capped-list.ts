/** Keeps the first few of possibly millions of remarks, and counts the rest. */

const SHOWN = 3;

export class CappedList {
  private readonly first: string[] = [];
  count = 0;

  add(text: string): void {
    this.count += 1;
    if (this.first.length < SHOWN) this.first.push(text);
  }

  /** Returns one line for each remark kept; the last one is `and N more`. */
  lines(): string[] {
    const more = this.count - this.first.length;
    return more > 0 ? [...this.first, `and ${more} more`] : [...this.first];
  }
}
