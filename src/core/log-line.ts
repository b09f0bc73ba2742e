/** The format of log lines, and of their timestamps. */
import type { LogLevel } from './environment';
import { escaped, replaceUnprintable } from './printable';

/** Clears a status line on a terminal, so that something else is printed in its place. */
export const CLEAR_LINE = '\r\u001b[2K';

/**
 * Formats `[YYYY-MM-DD HH:MM:SS] LEVEL text` in local time; unprintable characters are escaped, never sent to a
 * terminal.
 */
export function logLine(at: Date, level: LogLevel, text: string): string {
  return `${timestamp(at)} ${level.toUpperCase()} ${visible(text)}`;
}

/** Formats a local time as `[YYYY-MM-DD HH:MM:SS]`. */
export function timestamp(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `[${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}]`;
}

function visible(text: string): string {
  return replaceUnprintable(text, visibleCode);
}

/** Escapes as JSON does, and in the same form those that JSON leaves as they are. */
function visibleCode(character: string): string {
  return character < ' ' ? JSON.stringify(character).slice(1, -1) : escaped(character);
}
