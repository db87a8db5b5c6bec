import {json} from 'node:stream/consumers';
import {loadStudent, predictLogits, startEngine, type TextInputs} from 'limbeck';

/** Writes how many texts a second a saved student answers about; they come as JSON on stdin. */
await startEngine();
const student = await loadStudent(process.argv[2]!);
const texts = (await json(process.stdin)) as readonly string[];
const inputs: TextInputs = {kind: 'text', count: texts.length, texts};
await predictLogits(student, {...inputs, count: 500});
const started = performance.now();
await predictLogits(student, inputs);
console.log((inputs.count / (performance.now() - started)) * 1000);
