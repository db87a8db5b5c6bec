/**
 * Trains one of `resumeCases`, made long enough to be killed some times, and goes on where its checkpoint says. Prints
 * each step and epoch, then the weights' hash.
 */
import {startEngine} from '../../src/engine/engine.ts';
import {weightsHash} from '../../src/student/files.ts';
import {train} from '../../src/train/train.ts';
import {resumeCases} from './resume-cases.ts';

const [name, path] = process.argv.slice(2) as [string, string];
const say = (word: string, value: unknown): void => void process.stdout.write(`${word} ${JSON.stringify(value)}\n`);

await startEngine();
const {student: build, knowledge, options} = resumeCases[name]!();
const student = build(1);
const epochs = train(student, knowledge, {
  ...options,
  epochs: 20,
  ...(options.earlyStopping && {earlyStopping: {patience: 20}}),
  checkpoint: {path, everySeconds: 0, resume: true},
  onStep: ({step}) => say('step', step),
});
for await (const epoch of epochs) say('epoch', epoch);
say('weights', weightsHash(student));
