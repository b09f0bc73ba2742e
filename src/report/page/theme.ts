/** Determines the theme of the page, and the colours of its charts. */
import type { Colour, Theme } from '../render/html/palette';

/** The colours of charts besides those of their data. */
export interface Ink {
  of(colour: Colour): string;
  paper: string;
  ink: string;
  soft: string;
  grid: string;
  /** A fault's window, its start, and the time after it in which its effects last. */
  fault: string;
  faultEdge: string;
  faultText: string;
  felt: string;
  /** No leader, and several leaders. */
  none: string;
  several: string;
  /** The area between p50 and p99. */
  fan: string;
}

const LIGHT: Omit<Ink, 'of'> = {
  paper: '#ffffff',
  ink: '#1a1c20',
  soft: '#5b5f68',
  grid: '#e9e9e6',
  fault: 'rgba(200, 90, 20, 0.13)',
  faultEdge: 'rgba(180, 70, 0, 0.75)',
  faultText: '#9c4000',
  felt: 'rgba(200, 90, 20, 0.055)',
  none: '#b3261e',
  several: '#1a1c20',
  fan: 'rgba(99, 73, 189, 0.1)',
};

const DARK: Omit<Ink, 'of'> = {
  paper: '#14161a',
  ink: '#e8e9ec',
  soft: '#a3a8b3',
  grid: '#272a32',
  fault: 'rgba(255, 150, 80, 0.17)',
  faultEdge: 'rgba(255, 165, 100, 0.8)',
  faultText: '#ffa564',
  felt: 'rgba(255, 150, 80, 0.07)',
  none: '#ff8a7a',
  several: '#e8e9ec',
  fan: 'rgba(171, 155, 242, 0.13)',
};

let isPrinting = false;

/** Printing uses the light theme, whatever the screen uses. */
export function setPrinting(printing: boolean): void {
  isPrinting = printing;
}

/** Returns the reader's choice, or else the system's preference. */
export function themeNow(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export function inkNow(): Ink {
  const isDark = !isPrinting && themeNow() === 'dark';
  return { ...(isDark ? DARK : LIGHT), of: ([light, dark]) => (isDark ? dark : light) };
}
