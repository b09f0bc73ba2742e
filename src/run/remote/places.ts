/** The work folders of a run's machines and the files for each, for the plan and for the run itself. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { ClientImage } from '../../client/client';
import type { Lab } from '../../config/lab-config';
import type { RunConfig } from '../../config/run-config';
import type { TlsFiles } from '../../config/tls';
import type { TlsPem } from '../../core/transport/tls';
import type { Executable } from './executable';
import {
  CLIENT_FILE,
  clientText,
  PROGRAM_FILE,
  serverFileOf,
  serverText,
  STRESS_FILE,
  stressText,
  tlsPathsOf,
} from './files.pure';
import { REQUEST_TIMEOUT_MS } from '../run-times.pure';
import { longestMs } from './limits.pure';
import type { WantedFile } from './prepare';

/** The TLS files of a run's machines. */
export interface RemoteTls {
  /** The files of all clients. */
  client: TlsPem;
  /** The files of each server, by id. */
  servers: ReadonlyMap<number, TlsPem>;
}

export interface PlacesOptions {
  config: RunConfig;
  lab: Lab;
  executable: Executable;
  /** Copied to the client machines; undefined if they use their own. */
  images?: readonly ClientImage[];
  tls?: RemoteTls;
  seed: number;
}

/** A work folder of a machine, and its use. */
export interface WantedPlace {
  /** As in run.toml. */
  host: string;
  workDir: string;
  serverIds: number[];
  machineIds: number[];
  files: WantedFile[];
}

/** Returns all work folders in the order of run.toml; a server and a client with the same folder share it. */
export function wantedPlaces(options: PlacesOptions): WantedPlace[] {
  const { lab, executable, tls } = options;
  const places = new Map<string, WantedPlace>();
  const placeFor = (host: string, workDir: string): WantedPlace => {
    const key = JSON.stringify([host, workDir]);
    const program = { path: PROGRAM_FILE, content: executable.content, mode: 0o755, from: executable.path };
    if (!places.has(key)) places.set(key, { host, workDir, serverIds: [], machineIds: [], files: [program] });
    return places.get(key)!;
  };
  for (const server of lab.servers) {
    const place = placeFor(server.host, server.workDir);
    place.serverIds.push(server.id);
    place.files.push(textFile(serverFileOf(server.id), serverText(server, lab.servers)));
    addFiles(place.files, tlsFiles(`server${server.id}`, tls?.servers.get(server.id), server.tls));
  }
  for (const { machineId, host, workDir } of lab.clients) {
    const place = placeFor(host, workDir);
    place.machineIds.push(machineId);
    addFiles(place.files, [...clientFiles(machineId, options), ...tlsFiles('client', tls?.client, lab.tls)]);
  }
  return [...places.values()];
}

function clientFiles(machineId: number, { lab, config, seed, images = [] }: PlacesOptions): WantedFile[] {
  const imageFolder = images.length === 0 ? undefined : imageFolderOf(images);
  const stress = stressText({
    machineId,
    stress: config.stress,
    seed,
    longestMs: longestMs(config),
    imageFolder,
  });
  return [
    textFile(CLIENT_FILE, clientText(lab, REQUEST_TIMEOUT_MS)),
    textFile(STRESS_FILE, stress),
    ...images.map(({ name, bytes }) => {
      return { path: path.posix.join(imageFolder!, name), content: bytes, mode: 0o644, isImage: true };
    }),
  ];
}

/** Hashes their content, so that different images of another run are in another folder. */
function imageFolderOf(images: readonly ClientImage[]): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of images) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return `images_${hash.digest('hex').slice(0, 8)}`;
}

/** A server and a client with the same folder share the CA. */
function addFiles(files: WantedFile[], more: readonly WantedFile[]): void {
  files.push(...more.filter((file) => files.every(({ path: other }) => other !== file.path)));
}

function tlsFiles(owner: string, pem: TlsPem | undefined, files: TlsFiles | undefined): WantedFile[] {
  if (pem === undefined) return [];
  const paths = tlsPathsOf(owner);
  return (['ca', 'cert', 'key'] as const).map((part) => {
    const mode = part === 'key' ? 0o600 : 0o644;
    return { path: paths[part], content: Buffer.from(pem[part]), mode, from: files?.[part].path };
  });
}

function textFile(file: string, text: string): WantedFile {
  return { path: file, content: Buffer.from(text), mode: 0o644 };
}
