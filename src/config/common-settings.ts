/** The settings that several commands share. */
import { setting } from './settings';
import { expressions, listenAddress, path, slowLimits, whole } from './value-types';

/** The default folder of the images that clients send. */
export const DEFAULT_IMAGE_DIRECTORY = './test_images';

export const imageDirectory = setting(path('DIR'), {
  flag: 'image-dir',
  defaultText: DEFAULT_IMAGE_DIRECTORY,
  help: 'folder of the images to send, picked at random',
});

/** The number of a client machine. */
export const machineId = setting(whole(1, 1_000_000), {
  flag: 'machine-id',
  help: 'number of this machine in the client names Machine_{n}_Client_{i}',
});

export const metricsAddress = setting(listenAddress(), {
  flag: 'metrics-address',
  defaultText: 'off',
  help: 'address that serves Prometheus metrics',
});

export const seed = setting(whole(0, 2 ** 47), {
  flag: 'seed',
  defaultText: 'random',
  help: 'seed of the random choices',
});

export const thresholds = setting(expressions(), {
  flag: 'threshold',
  default: [],
  help: 'threshold that must hold, like p99<800ms',
});

export const slowLimit = setting(slowLimits(), {
  flag: 'slow-limit',
  defaultText: 'from the baseline',
  help: 'latency beyond which a request during a fault is bad',
});
