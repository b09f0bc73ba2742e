import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

/**
 * What must stay pure, where time, randomness and I/O are arguments: these folders, and files whose name says so.
 * test/architecture/purity.test.ts shows that it bites.
 */
const PURE = [
  'src/**/*.pure.ts',
  'src/check/**/*.ts',
  'src/client/attempt/**/*.ts',
  'src/core/*.ts',
  'src/core/{balancing,election,metrics,transport/wire}/**/*.ts',
  'src/faults/*.ts',
  'src/report/{analyze,compare,render}/**/*.ts',
  'src/report/read/*.ts',
  'src/server/member/**/*.ts',
  'src/stress/progress/**/*.ts',
];

const IMPURE_GLOBALS = [
  'Date',
  'performance',
  'process',
  'console',
  'crypto',
  'fetch',
  'require',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
];

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'runs', 'node_modules'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'use a string union' },
        { selector: 'PrivateIdentifier', message: 'use the keyword private, as everywhere' },
        { selector: 'ObjectExpression > SpreadElement > ObjectExpression', message: 'write the properties themselves' },
      ],
    },
  },
  { files: ['**/*.cjs', 'bin/*.js'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  { files: ['**/*.mjs', '**/*.cjs', 'bin/*.js', 'test/**'], rules: { 'no-console': 'off' } },
  {
    // The one place that loads commands when they are asked for.
    files: ['src/index.ts'],
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    },
  },
  {
    files: PURE,
    rules: {
      'no-restricted-globals': ['error', ...IMPURE_GLOBALS.map((name) => ({ name, message: 'pure code: pass it in' }))],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'pure code: pass a Random in' },
        ...['globalThis', 'global'].map((object) => ({ object, message: 'pure code: name it, so that we see it' })),
      ],
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*', ...builtinModules], message: 'pure code: no I/O' }] },
      ],
    },
  },
);
