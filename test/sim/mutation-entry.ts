export { simulate } from './simulation';
export { failuresOf, parseScenario, runScenario } from '../scenarios/scenario';
export { shrink } from './shrink';
