// Lints each given [file name, code] (JSON on stdin) with the project's configuration; prints the rules that fired. A
// separate program, because jest cannot load an ES module configuration.
import { ESLint } from 'eslint';
import { text } from 'node:stream/consumers';

const eslint = new ESLint();
const samples = JSON.parse(await text(process.stdin));
const fired = [];
for (const [filePath, code] of samples) {
  const [result] = await eslint.lintText(code, { filePath });
  fired.push(result.messages.map(({ ruleId }) => ruleId));
}
const { default: config } = await import('../../eslint.config.mjs');
const pure = config.find((part) => part.rules?.['no-restricted-globals']).files;
console.log(JSON.stringify({ fired, pure }));
