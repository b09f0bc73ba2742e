import tseslint from 'typescript-eslint';

/** Rooms that must stay pure: time, randomness and I/O are arguments there. */
const PURE = [
  'src/core/{protocol,message,errors,environment}.ts',
  'src/core/{election,balancing,metrics}/**/*.ts',
  'src/core/transport/{frame,json-limits,task-request-scanner}.ts',
  'src/server/member/**/*.ts',
  'src/client/attempt/**/*.ts',
  'src/imaging/lsb.ts',
  'src/check/**/*.ts',
];

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'runs', 'node_modules'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': ['error', { selector: 'TSEnumDeclaration', message: 'use a string union' }],
    },
  },
  { files: ['**/*.cjs', 'bin/*.js'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  { files: ['**/*.mjs', '**/*.cjs', 'bin/*.js', 'test/**'], rules: { 'no-console': 'off' } },
  {
    files: PURE,
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'Date',
          'performance',
          'process',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'fetch',
        ].map((name) => ({ name, message: 'pure code: pass it in' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'pure code: pass a Random in' },
      ],
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*', 'fs', 'net', 'os'], message: 'pure code: no I/O' }] },
      ],
    },
  },
);
