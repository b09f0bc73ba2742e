/** Names the one cause for which a whole section is unknown. */
import { type InputKind, NO_FAULT_FILE, type Report } from '../report';

type Told = Pick<Report, 'inputs' | 'blocks'>;

/** Returns the reason for `faults` null. */
export function whyNoFaults({ inputs, blocks }: Told): string {
  if (blocks === null) return 'there are no request records';
  const files = filesOf(inputs, 'faults');
  if (files.length === 0) return NO_FAULT_FILE;
  if (files.some(({ badLines }) => badLines > 0)) return 'lines of the file of faults are damaged';
  if (files.every(({ lines }) => lines === 0)) return NO_FAULT_FILE;
  return 'the file of faults tells only of other times';
}

/** Returns the reason for `leaders` null. */
export function whyNoLeaders({ inputs }: Pick<Report, 'inputs'>): string {
  return whyNoEvents(inputs) ?? 'the clocks of the servers are unreliable';
}

/** Returns the reason why no server has samples. */
export function whyNoSamples({ inputs }: Pick<Report, 'inputs'>): string {
  return whyNoEvents(inputs) ?? 'no server wrote samples during the run';
}

function whyNoEvents(inputs: Report['inputs']): string | null {
  const files = filesOf(inputs, 'events');
  if (files.length === 0) return 'there are no event files of the servers';
  if (files.every(({ lines, badLines }) => badLines === lines))
    return 'the event files of the servers have no whole line';
  return null;
}

function filesOf({ files }: Report['inputs'], wanted: InputKind): Report['inputs']['files'] {
  return files.filter(({ kind }) => kind === wanted);
}
