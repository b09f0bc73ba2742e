/** The plan of a run over SSH, as text. */
import type { Lab } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import { oneLine } from '../../core/printable';
import { counted } from '../../core/counted';
import { faultLines, loadText } from '../plan-text.pure';
import {
  asidePrefix,
  eventsFileOf,
  IN_THE_CLEAR,
  LOCK_FILE,
  METRICS_FOLDER,
  PROGRAM_FILE,
  serverFileOf,
  STRESS_FILE,
} from './files.pure';
import type { WantedPlace } from './places';

/** The names of the steps on the screen, in order. */
export const STEPS = [
  'CONNECT',
  'CHECK MACHINES',
  'COPY FILES',
  'START SERVERS',
  'START CLIENTS',
  'FAULT SIMULATION',
  'WAIT FOR COMPLETION',
  'REPORT',
  'STOP',
] as const;

export interface RemotePlan {
  config: RunConfig;
  lab: Lab;
  /** A folder on this machine. */
  folder: string;
  executable: { system: string };
  /** The work folders with the files that are copied there. */
  places: readonly WantedPlace[];
  keep: boolean;
}

/** Returns every step with host, file and command, line by line. */
export function remotePlanText(plan: RemotePlan): string {
  const { config, lab, executable, keep } = plan;
  const hosts = [...new Set([...lab.servers, ...lab.clients].map(({ host }) => host))];
  const lines = [
    [`to ${counted(hosts.length, 'machine')} over SSH, in parallel: ${hosts.join(', ')}`],
    [
      `${executable.system}, free space and write permission in each work folder; no server and no load running there`,
      `each gets ${LOCK_FILE}, which locks out other runs until the end`,
    ],
    ['files that are missing or different, or have another mode, by SFTP:', ...copyLines(plan)],
    [
      ...(lab.tls === undefined ? [`WARN ${IN_THE_CLEAR}`] : []),
      ...lab.servers.flatMap(({ id, host, address, workDir }) => {
        const [command, events] = [`./${PROGRAM_FILE} server --config ${serverFileOf(id)}`, eventsFileOf(id)];
        const place = `${host}: in ${oneLine(workDir)}`;
        return [
          `${place}: ${events} of an earlier run, if any, is renamed to ${asidePrefix('<time>')}${events}`,
          `${place}: ${command}  (server ${id}, ${address})`,
        ];
      }),
    ],
    [
      `${counted(config.stress.numClients, 'client')} on each machine, ${loadText(config.stress)}; all start at the same time:`,
      ...lab.clients.map(({ machineId, host, workDir }) => {
        const command = `./${PROGRAM_FILE} stress --config ${STRESS_FILE} --run-id … --start-at …`;
        return `${host}: in ${oneLine(workDir)}: ${command}  (machine ${machineId})`;
      }),
    ],
    [
      'by an agent on each machine; times from the start of the clients:',
      ...faultLines(
        config,
        lab.servers.map(({ id }) => id),
      ).map((line) => line.replace(/^ {6}/, '')),
    ],
    [waitText(config)],
    ['of the files collected by SFTP:', ...collectLines(plan)],
    [
      keep
        ? 'nothing: --keep leaves the servers running'
        : 'the servers, by SIGTERM to the processes of this run; files stay there',
    ],
  ];
  return lines.map((rest, index) => stepText(index, rest)).join('\n');
}

function stepText(index: number, [first = '', ...rest]: readonly string[]): string {
  const isList = index === 3;
  const head = `${index + 1}. ${STEPS[index]}`;
  if (isList) return [head, first, ...rest].join('\n      ');
  return [`${head}: ${first}`, ...rest].join('\n      ');
}

function copyLines({ places }: RemotePlan): string[] {
  return places.flatMap(({ host, workDir, files }) => {
    const to = (file: string): string => `${host}:${oneLine(workDir)}/${oneLine(file)}`;
    const images = files.filter(({ isImage }) => isImage);
    const lines = files
      .filter(({ isImage }) => !isImage)
      .map(({ path, mode, from }) => {
        return `${from === undefined ? '' : `${oneLine(from)} to `}${to(path)}, mode ${mode.toString(8)}`;
      });
    const [first] = images;
    if (first === undefined) return lines;
    return [...lines, `${counted(images.length, 'image')} to ${to(first.path.split('/')[0]!)}`];
  });
}

function waitText({ stress, faults }: RunConfig): string {
  const { totalRequests, durationMs } = stress.requests;
  const isEndless = totalRequests === undefined && durationMs === undefined;
  return isEndless
    ? `${faults.spec.intervalMs / 1000} s more, then for requests in flight`
    : 'for the end of all loads';
}

function collectLines({ config, lab, folder }: RemotePlan): string[] {
  const { thresholds } = config;
  return [
    ...lab.clients.map(({ host, workDir }) => `${host}:${oneLine(workDir)}/${METRICS_FOLDER}`),
    ...lab.servers.map(({ id, host, workDir }) => `${host}:${oneLine(workDir)}/${eventsFileOf(id)}`),
    `into ${oneLine(folder)}${thresholds.length === 0 ? '' : `, thresholds ${thresholds.join(', ')}`}`,
  ];
}
