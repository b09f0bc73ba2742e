import { renderHtml } from '../../../src/report/render/html';
import { renderText } from '../../../src/report/render/text';
import { request, runFile, useLab } from '../lab';

const lab = useLab();
const told = (): [string, boolean] => {
  const report = lab.report();
  const inputs = /\nINPUTS\n[^]*?\n\n/.exec(`${renderText(report)}\n\n`)![0].replace(/\n\s*/g, ' ');
  return [
    /No machine_\d+_run\.json of run .*? at the end\./.exec(inputs)?.[0] ?? '',
    renderHtml(report).includes('No machine_1_run.json of run'),
  ];
};

test('INPUTS name a run file that is not there or cannot be read, and the consequences', () => {
  const text =
    'No machine_1_run.json of run run-1: its plan, loop, warm-up, request timeout and end are unknown, and with them ' +
    'goodput, latencies of failures, and whether requests are missing at the end.';
  lab.requests([request(1, 0)]);
  expect(told()).toEqual([text, true]);
  lab.write('metrics/machine_1_run.json', '{');
  expect(told()).toEqual([text, true]);
  lab.write('metrics/machine_1_run.json', runFile({ machine_id: 2 }));
  expect(told()).toEqual([text, true]);
  lab.write('metrics/machine_1_run.json', runFile());
  expect(told()).toEqual(['', false]);
});
