/** Colours as pairs for light and dark themes, distinguishable by the colour-blind; each is shown beside its name. */

export type Theme = 'light' | 'dark';
export type Colour = readonly [light: string, dark: string];

/** Adapted from Okabe and Ito, a little darker on white and lighter on black. */
const SERVERS: readonly Colour[] = [
  ['#0072b2', '#3f9fdc'],
  ['#e08e00', '#e69f00'],
  ['#009e73', '#22b891'],
  ['#c2649a', '#dc92bd'],
  ['#56b4e9', '#8dd0f7'],
  ['#d55e00', '#ef7b2e'],
  ['#b5a300', '#f0e442'],
];

/** Adapted from Paul Tol's "muted" and "light": no server has these. */
const REASONS: readonly Colour[] = [
  ['#882255', '#ee8866'],
  ['#cc6677', '#ffaabb'],
  ['#44aa99', '#44bb99'],
  ['#ddcc77', '#eedd88'],
  ['#332288', '#77aadd'],
  ['#999933', '#aaaa00'],
  ['#aa4499', '#99ddff'],
  ['#117733', '#bbcc33'],
];

/** Shades of one hue for p50, p95 and p99, and grey for the maximum. */
export const PERCENTILES: readonly [Colour, Colour, Colour, Colour] = [
  ['#9582d6', '#7f6cd0'],
  ['#6349bd', '#ab9bf2'],
  ['#2f1a78', '#e2dcff'],
  ['#858994', '#878c98'],
];

const WHITE = 255;
const BLACK = 0;

/** The colour of anything else. */
export const OTHER: Colour = ['#a9abb2', '#767a84'];
/** The colour of requests that had not ended. */
export const UNDECIDED: Colour = ['#d9d0b4', '#5d573f'];
export const GENERATOR: Colour = ['#5b5f68', '#a3a8b3'];

/** Returns the colour of the server at a position in ascending order of ids; further rounds are paler, then deeper. */
export function serverColour(index: number): Colour {
  const [light, dark] = SERVERS[index % SERVERS.length]!;
  const round = Math.floor(index / SERVERS.length) % 3;
  if (round === 0) return [light, dark];
  return round === 1 ? [mixed(light, WHITE), mixed(dark, BLACK)] : [mixed(light, BLACK), mixed(dark, WHITE)];
}

/** Returns the colour of the reason at a position by count. */
export function reasonColour(index: number): Colour {
  return REASONS[index] ?? OTHER;
}

/** Formats the colour as a CSS value. */
export function css([light, dark]: Colour): string {
  return `light-dark(${light},${dark})`;
}

/** Mixes in 43 % of the other. */
function mixed(hex: string, other: number): string {
  const parts = [1, 3, 5].map((at) => Math.round(parseInt(hex.slice(at, at + 2), 16) * 0.57 + other * 0.43));
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
