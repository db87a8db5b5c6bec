import {json} from 'node:stream/consumers';
import {loadStudent, predictLogits, startEngine, type TextInputs} from 'limbeck';

/** Writes how many texts per second a saved student answers. The texts come as JSON on stdin. */
await startEngine();
const student = await loadStudent(process.argv[2]!);
const texts = (await json(process.stdin)) as readonly string[];
const inputs: TextInputs = {kind: 'text', count: texts.length, texts};
await predictLogits(student, {...inputs, count: 500});
const started = performance.now();
await predictLogits(student, inputs);
console.log((inputs.count / (performance.now() - started)) * 1000);
