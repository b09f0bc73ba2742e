import { logLine, timestamp } from '../../src/core/log-line';

const at = new Date(2025, 0, 2, 3, 4, 5, 678);

it('has the local time, the level and the text', () => {
  expect(logLine(at, 'info', 'Server 1 is up')).toBe('[2025-01-02 03:04:05] INFO Server 1 is up');
});

it.each([
  ['debug', 'DEBUG'],
  ['info', 'INFO'],
  ['warn', 'WARN'],
  ['error', 'ERROR'],
] as const)('names the level %s as %s', (level, shown) => {
  expect(logLine(at, level, 'x')).toBe(`[2025-01-02 03:04:05] ${shown} x`);
});

it('pads every part of the time to two digits', () => {
  expect(timestamp(at)).toBe('[2025-01-02 03:04:05]');
  expect(timestamp(new Date(2025, 11, 31, 23, 59, 59))).toBe('[2025-12-31 23:59:59]');
});

it.each([
  ['a line feed', 'a\nb', 'a\\nb'],
  ['a carriage return', 'a\rb', 'a\\rb'],
  ['a tab', 'a\tb', 'a\\tb'],
  ['an escape sequence', '\x1b[2Jx', '\\u001b[2Jx'],
  ['a null character', 'a\0b', 'a\\u0000b'],
])('escapes %s for terminals: one event is one line', (_, text, shown) => {
  expect(logLine(at, 'warn', text)).toBe(`[2025-01-02 03:04:05] WARN ${shown}`);
});

it('leaves all other characters unchanged', () => {
  const text = 'größer → 日本 😀 "quoted" \\ back';
  expect(logLine(at, 'info', text)).toBe(`[2025-01-02 03:04:05] INFO ${text}`);
});
