export { simulate } from './simulation';
export { parseScenario, runScenario } from '../scenarios/scenario';
