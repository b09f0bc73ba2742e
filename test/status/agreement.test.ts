import type { Answer } from '../../src/status/answer.pure';
import { reportOf } from '../../src/status/report.pure';
import { renderStatus, showDuration } from '../../src/status/table.pure';
import { judge, judgeReady } from '../../src/status/agreement.pure';
import type { StatusFields } from '../../src/core/protocol';
import { status } from './servers';

const says = (id: number, more: Partial<StatusFields> = {}): Answer => ({
  address: `127.0.0.1:${8000 + id}`,
  status: status(id, more),
});
const silent = (id: number, failure = 'no answer in time'): Answer => ({ address: `127.0.0.1:${8000 + id}`, failure });

describe('the verdict', () => {
  it.each<[string, Answer[], string]>([
    ['three that agree', [says(1), says(2), says(3)], 'all 3 servers follow server 1 in term 1'],
    ['one alone', [says(1)], 'server 1 follows server 1 in term 1'],
    ['one under two addresses', [says(1), says(1), says(2)], 'all 3 servers follow server 1 in term 1'],
    ['a leader that was not asked', [says(2), says(3)], 'all 2 servers follow server 1 in term 1'],
  ])('%s', (_, answers, text) => {
    expect(judge(answers)).toEqual({ agreed: true, text, leaderId: 1, term: 1 });
  });

  it.each<[string, Answer[], string]>([
    ['nobody to ask', [], 'no server to ask'],
    ['a silent one', [says(1), silent(2)], '127.0.0.1:8002: no answer in time'],
    [
      'all silent, for two reasons',
      [silent(1), silent(2, 'unreachable'), silent(3)],
      '127.0.0.1:8001 and 127.0.0.1:8003: no answer in time; 127.0.0.1:8002: unreachable',
    ],
    [
      'two leaders',
      [says(1), says(2), says(3, { leader_id: 3, term: 2 })],
      'servers 1 and 2 follow server 1 in term 1; server 3 follows server 3 in term 2',
    ],
    [
      'one leader in two terms',
      [says(1, { term: 2 }), says(2)],
      'server 1 follows server 1 in term 2; server 2 follows server 1 in term 1',
    ],
    [
      'no leader',
      [says(1, { leader_id: null }), says(2, { leader_id: null })],
      'servers 1 and 2 follow no leader in term 1',
    ],
    ['two of one id', [says(1), says(2), says(2, { incarnation: 'other' })], 'two servers have id 2'],
  ])('%s', (_, answers, text) => {
    expect(judge(answers)).toEqual({ agreed: false, text, leaderId: null, term: null });
  });
});

it('names all that are not ready', () => {
  const answers = [says(1, { phase: 'leaving' }), says(2, { phase: 'starting' }), says(3, { phase: 'starting' })];
  const text = 'all 3 servers follow server 1 in term 1; server 1 is leaving; servers 2 and 3 are starting';
  expect(judgeReady(answers)).toEqual({ agreed: false, text, leaderId: 1, term: 1 });
  expect(judge(answers).agreed).toBe(true);
  expect(judgeReady([says(1), says(2)])).toEqual(judge([says(1), says(2)]));
});

describe('the table', () => {
  const plain = (text: string): string => text;
  const marks = { good: plain, warning: plain, bad: plain, faint: plain };

  it('lines up its columns', () => {
    const answers = [
      says(1, {
        peers: [
          { id: 2, address: 'x', up: true },
          { id: 3, address: 'y', up: false },
        ],
      }),
      says(22, { address: 'server22.example.org:8001', phase: 'leaving', leader_id: null, load: 0 }),
      silent(3),
    ];
    expect(renderStatus(answers, judge(answers), marks).split('\n')).toEqual([
      'ID  ADDRESS                    PHASE    LEADER  TERM  LOAD  ACTIVE/QUEUED  DONE  UPTIME      PEERS UP',
      '1   127.0.0.1:8001             ready    leads   1     12.3  1/3            42    1 min 05 s  1/2',
      '22  server22.example.org:8001  leaving  none    1     0.0   1/3            42    1 min 05 s  0/0',
      '?   127.0.0.1:8003             silent',
      '',
      '127.0.0.1:8003: no answer in time; server 1 follows server 1 in term 1; server 22 follows no leader in term 1',
    ]);
  });

  it('colours what matters', () => {
    const mark = (name: string) => (text: string) => `<${name} ${text.trimEnd()}>`;
    const paint = { good: mark('good'), warning: mark('warning'), bad: mark('bad'), faint: plain };
    const lines = renderStatus([says(1), silent(2)], judge([says(1)]), paint).split('\n');
    expect(lines[1]).toContain('<good ready>');
    expect(lines[1]).toContain('<good leads>');
    expect(lines[2]).toContain('<bad silent>');
    expect(lines[4]).toBe('<good server 1 follows server 1 in term 1>');
  });

  it('shows no control characters', () => {
    const answers = [says(1, { address: '\u001b[2Jboo' }), silent(2, 'said \u0007')];
    expect(renderStatus(answers, judge(answers), marks)).not.toMatch(/[\u0000-\u0009\u001b]/);
  });

  it.each([
    [-1, '0 s'],
    [59.9, '59 s'],
    [60, '1 min 00 s'],
    [3600 + 7 * 60, '1 h 07 min'],
    [2 * 86_400 + 3 * 3600, '2 d 03 h'],
  ])('%d seconds: %s', (secs, shown) => {
    expect(showDuration(secs)).toBe(shown);
  });
});

it('reports queries and answers', () => {
  const answers = [says(1), silent(2)];
  expect(reportOf(answers, judge(answers))).toEqual({
    agreed: false,
    verdict: '127.0.0.1:8002: no answer in time',
    leader_id: null,
    term: null,
    servers: [
      { asked: '127.0.0.1:8001', answered: true, ...status(1) },
      { asked: '127.0.0.1:8002', answered: false, reason: 'no answer in time' },
    ],
  });
});
