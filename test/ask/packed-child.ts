/** Asks about numbered texts in packs of 8 through the server at an address, and prints the labels; null for an error. */
import {openai} from '../../adapters/openai.ts';
import {openAsking} from '../../src/ask/asking.ts';
import {askAll} from '../../src/ask/batches.ts';
import type {LabelAnswer, Query} from '../../src/teacher.ts';

const [folder, url, count, ...classes] = process.argv.slice(2) as [string, string, string, ...string[]];

const teacher = openai({model: 'm', classes, output: 'label', url, service: 'kept', key: 'k', pack: 8, concurrency: 3});
const asking = await openAsking({cache: `${folder}/answers`, journal: `${folder}/journal`, onNote: () => {}});
const queries = Array.from(
  {length: Number(count)},
  (_, number): Query => ({input: {kind: 'text', text: `Text ${number}.`}}),
);
const outcomes = await askAll(asking.open(teacher).teacher, queries);
await asking.close();
const labels = outcomes.map(outcome => ('answer' in outcome ? (outcome.answer as LabelAnswer).label : null));
process.stdout.write(JSON.stringify(labels));
