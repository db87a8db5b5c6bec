/** The published effects of distillation, on real data: `npm run bench:methods`. See README.md. */
import {writeFile} from 'node:fs/promises';
import {cpus} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {loadStudent, startEngine} from 'limbeck';
import {teacher as folder} from '../../../examples/mnist/recipe.ts';
import {claimsOf, tableOf} from './claims.ts';
import {fewShot, labelsOnly, mixup, votes} from './few-images.ts';
import {type AllMeasured, reportOf} from './figures.ts';
import {omittedDigit, sevensAndEights} from './hinton.ts';
import {readMnist, SEEDS} from './lab.ts';
import {outOfDomain} from './out-of-domain.ts';

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  console.error(`${what}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return result;
}

async function main(): Promise<void> {
  const {values} = parseArgs({options: {json: {type: 'string'}}});
  const engine = await startEngine();
  const mnist = await readMnist();
  const teacher = await loadStudent(folder);
  const labels = await timed('labels only', () => labelsOnly(teacher, mnist));
  const measured: AllMeasured = {
    omittedDigit: await timed('omitted digit', () => omittedDigit(teacher, mnist)),
    sevensAndEights: await timed('sevens and eights', () => sevensAndEights(teacher, mnist)),
    fewShot: await timed('few-shot', () => fewShot(teacher, mnist)),
    mixup: await timed('mix-up queries', () => mixup(teacher, mnist, labels)),
    votes: await timed('votes', () => votes(teacher, mnist, labels)),
    outOfDomain: await timed('out-of-domain queries', () =>
      outOfDomain(mnist, join(import.meta.dirname, '..', '.cache', engine.name)),
    ),
  };
  const claims = claimsOf(measured);
  console.log(tableOf(claims));
  for (const result of Object.values(measured)) if ('note' in result) console.log(result.note);
  console.log(`Seeds ${SEEDS.join(', ')}; ${engine.name} engine.`);
  if (claims.some(({holds}) => holds === false)) process.exitCode = 1;
  if (values.json === undefined) return;
  const report = reportOf(measured, {seeds: SEEDS, engine: engine.name, processor: cpus()[0]!.model});
  await writeFile(values.json, `${JSON.stringify({...report, claims}, undefined, 2)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
