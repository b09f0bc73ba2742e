/** The product's figures are those of the independent recomputation. `npm run agree` compares more runs. */
import path from 'node:path';
import { agreementOf, generatedAgreements, placesIn } from './agree';

const GOLDEN = path.join(__dirname, '../report/golden');

it.each(['closed', 'open', 'overload', 'interrupted', 'killed', 'refused', 'run'])(
  'on the recorded run %s',
  async (name) => {
    const { count, differences } = await agreementOf(name, placesIn(path.join(GOLDEN, name)));
    expect(differences).toEqual([]);
    expect(count).toBeGreaterThan(30);
  },
);

it('on generated runs', async () => {
  const all = await generatedAgreements(40, 1);
  expect(all.filter(({ differences }) => differences.length > 0)).toEqual([]);
});
