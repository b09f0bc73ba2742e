// npm run agree [-- --runs N --seed N] [FOLDER...]   compares N generated runs, and real ones: folders of `cloudp2p run`
import { parseArgs } from 'node:util';
import { agreementOf, type Agreement, generatedAgreements, placesIn } from './agree';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { runs: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
    allowPositionals: true,
  });
  const all: Agreement[] = [];
  for (const folder of positionals) all.push(await agreementOf(folder, placesIn(folder)));
  all.push(...(await generatedAgreements(Number(values.runs), Number(values.seed))));
  for (const { name, count, differences } of all) {
    if (differences.length > 0) console.log(`${name}: ${differences.length} of ${count} figures differ`);
    for (const { figure, product, recomputed } of differences.slice(0, 20)) {
      console.log(`  ${figure}: ${JSON.stringify(product)}, recomputed ${JSON.stringify(recomputed)}`);
    }
  }
  const figures = all.reduce((sum, { count }) => sum + count, 0);
  const different = all.reduce((sum, { differences }) => sum + differences.length, 0);
  console.log(`${all.length} runs, ${figures} figures, ${different} differ`);
  process.exitCode = different > 0 ? 1 : 0;
}

void main();
