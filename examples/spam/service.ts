import {existsSync} from 'node:fs';
import {
  adam,
  asTeacher,
  hardLabels,
  hashedNgrams,
  loadStudent,
  saveStudent,
  startEngine,
  train,
  trueLabels,
} from 'limbeck';
import {logSoftmaxRows} from 'limbeck/metrics';
import type {ChatServiceOptions} from '../chat-service.ts';
import {classes, readMails} from './mails.ts';
import {PORT} from './recipe.ts';

export const directory = 'out/spam';
const folder = `${directory}/teacher`;

/** The service that stands in for a hosted model; its own model is trained at the first call. */
export async function mailService(): Promise<ChatServiceOptions> {
  await startEngine();
  if (!existsSync(`${folder}/limbeck.json`)) await trainTeacher();
  const teacher = asTeacher(await loadStudent(folder));
  async function classify(text: string): Promise<readonly number[]> {
    const [outcome] = await teacher.ask([{input: {kind: 'text', text}}]);
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('There is no answer.');
    return [...logSoftmaxRows(outcome.answer.logits, classes.length)];
  }
  return {port: PORT, model: 'mail-sorter', answers: ['A', 'B'], classify};
}

/** A linear model that learns the true labels of all mails. */
async function trainTeacher(): Promise<void> {
  const mails = readMails();
  const count = mails.length;
  const task = {classes, kind: 'text', inputShape: [], preprocessing: {}} as const;
  const teacher = hashedNgrams({units: [], buckets: 2 ** 16})(task, 1);
  const inputs = {kind: 'text', count, texts: mails.map(({text}) => text)} as const;
  const knowledge = trueLabels({inputs, labels: Int32Array.from(mails, ({label}) => label)}, classes);
  const options = {losses: [hardLabels()], seed: 1, epochs: 3, batchSize: 64, optimizer: adam({learningRate: 0.01})};
  for await (const {epoch, loss} of train(teacher, knowledge, options)) {
    console.error(`The service's own model: epoch ${epoch} of 3, loss ${loss.toFixed(4)}`);
  }
  await saveStudent(folder, teacher);
}
