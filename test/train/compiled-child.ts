/** Trains one of `compiledCases` and prints the hash of its weights. */
import {startEngine} from '../../src/engine/engine.ts';
import {weightsHash} from '../../src/student/files.ts';
import {train} from '../../src/train/train.ts';
import {compiledCases} from './compiled-cases.ts';

await startEngine();
const {student: build, knowledge, options} = compiledCases()[process.argv[2]!]!;
const student = build();
const onFallback = (reason: string): void => {
  throw new Error(reason);
};
for await (const _ of train(student, knowledge, {...options, onFallback})) {
  // Only the end counts.
}
process.stdout.write(weightsHash(student));
