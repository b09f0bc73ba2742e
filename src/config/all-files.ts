/** All configuration files, by the names of their schemas. */
import { clientFile } from './client-config';
import type { ConfigFile } from './config-file';
import { faultsFile } from './faults-config';
import { reportFile } from './report-config';
import { runFile } from './run-config';
import { serverFile } from './server-file';
import { stressFile } from './stress-config';

export const CONFIG_FILES: Readonly<Record<string, ConfigFile>> = {
  server: serverFile,
  client: clientFile,
  stress: stressFile,
  faults: faultsFile,
  report: reportFile,
  run: runFile,
};
