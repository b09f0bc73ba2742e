/** Reads the configured cover of a server. */
import { ClusterError } from '../core/errors';
import { readInputFile } from '../files/input-file';
import { checkCover } from '../imaging/cover-check';

/** Above the size of 100 megapixels, the limit for a cover. */
const MAX_COVER_FILE_BYTES = 512 * 1024 * 1024;

/**
 * Reads and checks the cover before the server listens; the rest is checked by its decoding.
 * @throws ClusterError naming the setting, and the configuration file if there is one
 */
export function readCover(file: string, configPath: string | null): { bytes: Uint8Array; name: string } {
  const place = configPath === null ? '' : `${configPath}: `;
  let bytes: Uint8Array;
  try {
    bytes = readInputFile(file, MAX_COVER_FILE_BYTES);
  } catch (error) {
    throw new ClusterError('bad_config', `${place}server.cover_image: ${(error as Error).message}`);
  }
  const name = `server.cover_image ${file}`;
  try {
    checkCover(bytes);
  } catch (error) {
    throw error instanceof ClusterError ? new ClusterError(error.code, `${place}${name}: ${error.message}`) : error;
  }
  return { bytes, name };
}
