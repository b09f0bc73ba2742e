import { renderText } from '../../../src/report/render/text';
import { renderHtml } from '../../../src/report/render/html';
import { clientFile, event, fault, request, useLab } from '../lab';

const lab = useLab();
/** Returns the lines of both forms that say why something is unknown. */
const whys = (): string => {
  const report = lab.report();
  const text = renderText(report).match(/^unknown: .*$/gm) ?? [];
  const html = renderHtml(report).match(/Unknown: [^<]*/g) ?? [];
  return [...text, ...html].join('\n').replaceAll('Unknown', 'unknown');
};
const records = (): void => void lab.requests([request(1, 0), request(2, 100)]);

test.each<[string, () => void, string]>([
  ['there is no file of faults', records, 'unknown: there is no file of faults'],
  [
    'there are no request records',
    () => {
      lab.write('metrics/machine_1_client_1.json', clientFile('Machine_1_Client_1'));
      lab.faults([]);
    },
    'unknown: there are no request records',
  ],
  [
    'its lines are damaged',
    () => {
      records();
      lab.write('fault_events.ndjson', 'x\n');
    },
    'unknown: lines of the file of faults are damaged',
  ],
  [
    'it is of another run',
    () => {
      records();
      lab.faults([fault(-9e8, 1, 'kill'), fault(-8e8, 1, 'restart')]);
    },
    'unknown: the file of faults tells only of other times',
  ],
  ['there are no event files', records, 'unknown: there are no event files of the servers'],
  [
    'all events are damaged',
    () => {
      records();
      lab.write('server_1_events.ndjson', 'x\n');
    },
    'unknown: the event files of the servers have no whole line',
  ],
  [
    'no server wrote samples',
    () => {
      records();
      lab.events(1, [event(0, 1, { event: 'ready' })]);
    },
    'unknown: no server wrote samples during the run',
  ],
])('the text and the page name the one cause: %s', (_, prepare, why) => {
  prepare();
  expect(whys()).toContain(why);
  expect(whys()).not.toMatch(/, or /);
});
