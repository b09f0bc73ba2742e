/** The files that travel inside the program: for `cloudp2p init`, and for a server that starts in an empty folder. */
import clientStress from 'asset:config/client_stress.toml';
import clientStressTemplate from 'asset:config/client_stress_template.toml';
import faults from 'asset:config/faults.toml';
import report from 'asset:config/report.toml';
import run from 'asset:config/run.toml';
import server1 from 'asset:config/server1.toml';
import server2 from 'asset:config/server2.toml';
import server3 from 'asset:config/server3.toml';
import stress from 'asset:config/stress.toml';
import coverJpg from 'asset:test_images/cover.jpg';
import largePng from 'asset:test_images/large.png';
import mediumJpg from 'asset:test_images/medium.jpg';
import smallPng from 'asset:test_images/small.png';

/** One file; `path` has forward slashes and is relative to the folder that it is written into. */
export interface Asset {
  path: string;
  content(): string | Uint8Array;
}

/** The commented configuration files: all of config/, which test/architecture/tidy.test.ts checks. */
export const TEMPLATES: readonly Asset[] = [
  { path: 'config/client_stress.toml', content: () => clientStress },
  { path: 'config/client_stress_template.toml', content: () => clientStressTemplate },
  { path: 'config/faults.toml', content: () => faults },
  { path: 'config/report.toml', content: () => report },
  { path: 'config/run.toml', content: () => run },
  { path: 'config/server1.toml', content: () => server1 },
  { path: 'config/server2.toml', content: () => server2 },
  { path: 'config/server3.toml', content: () => server3 },
  { path: 'config/stress.toml', content: () => stress },
];

/** Images to send, and the default cover, which the server files name. */
export const TEST_IMAGES: readonly Asset[] = [
  { path: 'test_images/small.png', content: smallPng },
  { path: 'test_images/medium.jpg', content: mediumJpg },
  { path: 'test_images/large.png', content: largePng },
  { path: 'test_images/cover.jpg', content: coverJpg },
];

/** The image (JPEG) in which a server without a cover of its own hides secrets. */
export function defaultCover(): Uint8Array {
  return coverJpg();
}
