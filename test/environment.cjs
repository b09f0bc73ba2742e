// jest's Node environment with an ordinary global object. vm intercepts jest's own: each access to a global (Math, Buffer,
// setTimeout) is a call there, and tests that compute take a third longer.
const { TestEnvironment } = require('jest-environment-node');
const vm = require('node:vm');

/** These stay those of jest's realm, as in its own environment: Node's modules return them. */
const SHARED = ['ArrayBuffer', 'Buffer', 'Uint8Array', 'console'];

module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    const intercepted = this.global;
    const global = vm.createContext(vm.constants.DONT_CONTEXTIFY);
    const keys = Reflect.ownKeys(intercepted).filter((key) => SHARED.includes(key) || !(key in global));
    for (const key of keys) copy(intercepted, global, key);
    global.global = global;
    global.Error.stackTraceLimit = 100;
    this.global = global;
    this.context = global;
    this.moduleMocker = new this.moduleMocker.constructor(global);
    this.fakeTimersModern = new this.fakeTimersModern.constructor({ config: config.projectConfig, global });
  }
};

/** Copies a property; a getter is called when it is first read: some load a module. */
function copy(from, to, key) {
  const { value, get, enumerable } = Object.getOwnPropertyDescriptor(from, key);
  const define = (own) =>
    Object.defineProperty(to, key, { value: own, writable: true, enumerable, configurable: true });
  if (!get) define(value);
  else
    Object.defineProperty(to, key, { get: () => define(from[key])[key], set: define, enumerable, configurable: true });
}
