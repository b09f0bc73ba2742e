/** The files that `npm run docs` writes. */
import { schemaFiles } from '../../src/config/json-schema';
import { configurationText } from './configuration';

export interface GeneratedFile {
  /** Relative to the root of the repository. */
  path: string;
  text: string;
}

export function generatedFiles(): GeneratedFile[] {
  return [{ path: 'docs/configuration.md', text: configurationText() }, ...schemaFiles()];
}
