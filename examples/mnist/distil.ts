import {
  asTeacher,
  collect,
  drawExamples,
  evaluateLogits,
  loadStudent,
  mlp,
  openAnswerStore,
  predictLogits,
  saveStudent,
  serveTeacher,
  softLabels,
  stack,
  startEngine,
  train,
  transferSet,
} from 'limbeck';
import {openInference} from 'limbeck/adapters/open-inference';
import recipe, {teacher as folder} from './recipe.ts';

await startEngine();
const {classes, train: examples, test} = await recipe.data();
const model = asTeacher(await loadStudent(folder));
const service = await serveTeacher(model, {model: 'digits', version: '1', access: 'gray-box'});
const output = {logProbabilities: 'log_probabilities'};
const remote = openInference({url: service.url, service: 'digits', model: 'digits', classes, output});

const teacher = stack(remote, {store: openAnswerStore({path: '.limbeck/answers'})});
const knowledge = await collect(teacher, transferSet(drawExamples(examples, {size: 2000})));
const student = mlp({units: [64]})({classes, inputShape: [28, 28, 1], preprocessing: {scale: 1 / 255}}, 1);
for await (const {epoch, loss} of train(student, knowledge, {losses: [softLabels()], seed: 1})) {
  console.log(`epoch ${epoch}  loss ${loss.toFixed(4)}`);
}
const logits = await predictLogits(student, test.inputs);
console.log(`accuracy ${evaluateLogits({logits, labels: test.labels, classes: 10}).accuracy}`);
await saveStudent('out/digits', student);
await service.close();
