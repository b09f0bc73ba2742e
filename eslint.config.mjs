import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

/** What must stay pure: time, randomness and I/O are arguments there. test/architecture/purity.test.ts shows that it bites. */
const PURE = [
  'src/core/{protocol,message,errors,environment,concurrency,printable,random,rule-result,ssh-target,warn-once}.ts',
  'src/core/{election,balancing,metrics}/**/*.ts',
  'src/core/transport/{frame,frame-encode,frame-limits,bulk-kinds,bulk-readers,byte-blocks,json-limits}.ts',
  'src/core/transport/{task-request-scanner,close-reason,tls-problem}.ts',
  'src/server/{announcer,effects,member,member-status,executor,assigner,effect-buffer,query-relay,news,pending,refusal,task-queue}.ts',
  'src/server/peer-config-check.ts',
  'src/client/{attempt,cluster-view,hedging,pacer,slow-servers,summary-text}.ts',
  'src/faults/{broken,cluster-view-model,driver,fault-labels,leader,plan,probe-window,refusal,runner,text,timetable-text}.ts',
  'src/faults/{drivers/network/rules,agent/protocol}.ts',
  'src/core/fault-kinds.ts',
  'src/stress/{banner,closing-text,generator-sample,run-progress,run-tally,status-line}.ts',
  'src/report/report.ts',
  'src/report/{analyze,render}/**/*.ts',
  'src/report/read/{capped-list,client-file,clocks,columns,downsample,inputs,interner,parse-json,parse-line,run-span}.ts',
  'src/report/read/{fast-parse-event,fast-parse-line,fast-parse-record,task-flags}.ts',
  'src/report/compare/{bootstrap,compare,comparison,differences,groups,html,html-charts,schema,style,text,windows}.ts',
  'src/ssh/{patterns,quote,problems,host-key}.ts',
  'src/run/remote/{limits,plan-text,scripts}.ts',
  'src/metrics/labels.ts',
  'src/status/{agreement,answer,report,table}.ts',
  'src/imaging/lsb.ts',
  'src/check/**/*.ts',
  'src/cli/completion.ts',
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
      'no-restricted-syntax': ['error', { selector: 'TSEnumDeclaration', message: 'use a string union' }],
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
