// jest's console adds a stack to every line and hides output from capture helpers.
globalThis.console = require('node:console');
