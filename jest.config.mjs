import { availableParallelism } from 'node:os';

const transform = {
  '\\.(t|j|mj)sx?$': '<rootDir>/test/transform.cjs',
  '\\.wat$': '<rootDir>/src/imaging/kernel-bytes.cjs',
  '\\.(toml|png|jpg)$': '<rootDir>/test/architecture/asset-transform.cjs',
};
const esm = '@oclif/core|@oclif/test|chalk|wsl-utils|is-wsl|powershell-utils|is-inside-container|is-docker|ansis';

const project = (displayName, testMatch, more = {}) => ({
  displayName,
  testMatch,
  transform,
  transformIgnorePatterns: [`/node_modules/(?!(${esm})/)`],
  moduleNameMapper: { '^asset:(.*)$': '<rootDir>/$1' },
  testEnvironment: '<rootDir>/test/environment.cjs',
  setupFiles: ['<rootDir>/test/setup.cjs'],
  ...more,
});

export default {
  // Many tests wait for processes and sockets. (jest takes '150%' for 150 workers.)
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
  projects: [
    project('unit', ['<rootDir>/test/**/*.test.ts'], { testPathIgnorePatterns: ['/node_modules/', '/test/e2e/'] }),
    project('e2e', ['<rootDir>/test/e2e/**/*.test.ts']),
  ],
};
