/** Asks three questions about 40 numbers through the server at an address, and prints the labels of each question. */
import {openAsking} from '../../src/ask/asking.ts';
import {collectQuestions} from '../../src/ask/collect-questions.ts';
import {questionedTeacher} from './questioned-teacher.ts';

const [folder, url] = process.argv.slice(2) as [string, string];

const teacher = questionedTeacher({
  onRequest: async request => {
    await (await fetch(url, {method: 'POST', body: JSON.stringify(request)})).text();
  },
});
const asking = await openAsking({cache: `${folder}/answers`, journal: `${folder}/journal`, onNote: () => {}});
const texts = Array.from({length: 40}, (_, number) => String(number));
const collections = await collectQuestions(asking.open(teacher).teacher, {
  role: 'transfer',
  inputs: {kind: 'text', count: texts.length, texts},
});
const labels = collections.map(({knowledge: {answers}}) => (answers.kind === 'label' ? [...answers.labels] : []));
await asking.close();
process.stdout.write(JSON.stringify(labels));
