import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Report } from '../../../src/report/report';
import type { HostsLab } from '../../support/hosts-lab';
import type { LabHost } from '../../support/namespaces';
import { PROGRAM } from '../../support/program';

const IMAGE_BYTES = 10_000;

/**
 * Runs the guide's ring over SSH with `cloudp2p run` on all five hosts: 100 clients on each of two machines, nine
 * kills.
 */
export async function measureRing(lab: HostsLab): Promise<Report> {
  const folder = path.join(lab.network.folder, 'ring');
  mkdirSync(path.join(folder, 'images'), { recursive: true });
  writeFileSync(path.join(folder, 'images', 'small.png'), randomBytes(IMAGE_BYTES));
  writeFileSync(path.join(folder, 'run.toml'), runFile(lab, path.join(folder, 'images')));
  const flags = ['--config', path.join(folder, 'run.toml'), '--out', path.join(folder, 'run')];
  const { code, stdout, stderr } = await lab.control(['run', ...flags]).then((ended) => ended);
  if (code !== 0) throw new Error(`exit code ${code}: ${stdout.slice(-5000)}${stderr}`);
  console.log(stdout.slice(stdout.indexOf('OVERALL STATISTICS')));
  return JSON.parse(readFileSync(path.join(folder, 'run', 'final_report.json'), 'utf8')) as Report;
}

function runFile(lab: HostsLab, images: string): string {
  const place = ({ name, folder }: LabHost): string[] => [`host = "${name}"`, `work_dir = "${folder}/ring"`];
  return [
    '[run]',
    `binary = "${PROGRAM}"`,
    '[stress]',
    ...['num_clients = 100', 'min_delay_ms = 1000', 'max_delay_ms = 4000', `image_directory = "${images}"`],
    '[faults]',
    ...['fault_interval_secs = 5', 'restart_delay_secs = 2', 'num_cycles = 3'],
    ...lab.serverIds.flatMap((id) => {
      const host = lab.hostOf(id);
      // The usual port is used by the cluster that took all other faults.
      return ['[[servers]]', `id = ${id}`, `address = "${host.address}:8101"`, ...place(host)];
    }),
    ...['client1', 'client2'].flatMap((name) => ['[[clients]]', ...place(lab.network.host(name))]),
    '',
  ].join('\n');
}
