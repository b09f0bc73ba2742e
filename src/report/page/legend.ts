/** The names and colours of a chart, shown above it with the values at the cursor. */

export interface Item {
  name: string;
  colour: string;
  look: 'line' | 'dashes' | 'box' | 'hatch' | 'bare';
}

export class Legend {
  readonly root = document.createElement('ul');
  private readonly values: HTMLElement[];
  private readonly when = document.createElement('b');

  constructor(items: readonly Item[]) {
    this.root.className = 'legend';
    this.values = items.map((item) => this.add(item));
    const time = document.createElement('li');
    time.className = 'when';
    time.append(this.when);
    this.root.append(time);
  }

  /** Shows the values at the cursor; empty texts clear them. */
  say(when: string, values: readonly string[]): void {
    this.when.textContent = when;
    this.values.forEach((value, index) => (value.textContent = values[index] ?? ''));
  }

  private add({ name, colour, look }: Item): HTMLElement {
    const item = document.createElement('li');
    const key = document.createElement('i');
    key.className = look;
    key.style.color = colour;
    const label = document.createElement('span');
    label.textContent = name;
    label.title = name;
    const value = document.createElement('b');
    item.append(key, label, value);
    this.root.append(item);
    return value;
  }
}
