import type { Cut } from './network';
import type { World } from './world';

type Step = (world: World, words: string[]) => void;

const serverStep =
  (act: (world: World, id: number) => void): Step =>
  (world, [id]) =>
    act(world, Number(id));

/** Each step of a scenario by its verb; the words are those after it. */
const STEPS: Record<string, Step> = {
  kill: serverStep((world, id) => world.kill(id)),
  'power-off': serverStep((world, id) => world.powerOff(id)),
  restart: serverStep((world, id) => world.restart(id)),
  terminate: serverStep((world, id) => world.terminate(id)),
  heal: serverStep((world, id) => world.heal(id)),
  pause: (world, [name]) => (isProgram(name!) ? world.pauseClients(name!) : world.pause(Number(name))),
  resume: (world, [name]) => (isProgram(name!) ? world.resumeClients(name!) : world.resume(Number(name))),
  cut: (world, [id, , others, kind, direction]) =>
    world.partition(Number(id), others!.split(','), kind as Cut, direction as 'both' | 'in' | 'out'),
  block: (world, [id, , others, kind]) => world.blockDials(Number(id), others!.split(','), kind as Cut),
  slow: (world, [id, , delayMs, , lossRate = '0']) => world.slowDown(Number(id), Number(delayMs), Number(lossRate)),
  starve: (world, [id, , stallMs]) => world.starve(Number(id), Number(stallMs)),
  corrupt: (world, [id, until]) => world.corrupt(Number(id), until !== 'off'),
  drop: (world, [a, b]) => world.dropLinks(Number(a), Number(b)),
};

/** Performs one step, such as `cut 1 from server2 silent in`; the language is described in test/scenarios/scenario.ts. */
export function performStep(world: World, text: string): void {
  const [verb = '', ...words] = text.split(' ');
  const step = STEPS[verb];
  if (step === undefined) throw new Error(`no such step: ${text}`);
  step(world, words);
}

export function isProgram(name: string): boolean {
  return name.startsWith('program');
}
