import {mkdir, writeFile} from 'node:fs/promises';
import {compare, compareQuestions, loadStudent, type Recipe, type Results, startEngine} from 'limbeck';
import {aboutQuestion, type Question} from 'limbeck/ask';
import {argmaxRows, jointAgreement} from 'limbeck/metrics';
import {headOf, predictLogits, type Student} from 'limbeck/students';
import {dataFor, printing, serve, teacherModel} from '../question-service.ts';
import {questions, twoDigits} from './images.ts';
import recipe from './recipe.ts';
import {service} from './teacher.ts';

const directory = 'out/two-digits';
const cache = `${directory}/answers`;
const seed = recipe.seeds[0]!;

/** The recipe about one question, for a student of its own. */
function alone(question: Question): Recipe {
  const {questions: _, teachers, ...others} = recipe;
  const about = Object.entries(teachers).map(([level, source]) => [
    level,
    async (context: never) => aboutQuestion(await source(context), question.name),
  ]);
  return {...others, data: () => dataFor(service, question), teachers: Object.fromEntries(about)};
}

const secondsOf = ({rows}: Results) => rows.map(({seconds}) => seconds);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** [count, questions], the classes that students of one question each name. */
async function namedBy(students: readonly Student[]): Promise<Int32Array> {
  const {inputs} = await twoDigits('test');
  const named = new Int32Array(inputs.count * students.length);
  for (const [index, student] of students.entries()) {
    const logits = await predictLogits(student, inputs);
    const classes = argmaxRows(logits, student.classes.length);
    for (const [row, label] of classes.entries()) named[row * students.length + index] = label;
  }
  return named;
}

await startEngine();
const teacher = await teacherModel(service);
const running = await serve(service, teacher);
try {
  const joint = await compareQuestions(recipe, {directory: `${directory}/joint`, cache, ...printing()});
  const separate: Results[] = [];
  for (const question of questions) {
    const own = {directory: `${directory}/separate/${question.name}`, cache, ...printing()};
    separate.push(await compare(alone(question), own));
  }
  const taught = await namedBy(questions.map(({name}) => headOf(teacher, name)));
  const levels = [];
  for (const {level, method, agreement} of joint.joint) {
    const folders = questions.map(({name}) => `${directory}/separate/${name}/students/${method}/seed-${seed}`);
    const students = await Promise.all(folders.map(folder => loadStudent(folder)));
    const separateStudents = jointAgreement(taught, await namedBy(students), questions.length).agreement;
    levels.push({level, method, student: agreement, separateStudents});
  }
  const results = {
    questions: joint.questions.map(({question: {name, type}, measures}, index) => ({
      name,
      type,
      levels: measures.map(own => ({
        level: own.level,
        method: own.method,
        agreement: own.type === 'score' ? own.exact : own.agreement,
        ...(own.type === 'choice' && {f1: own.macroF1}),
        ...(own.type === 'predicate' && {f1: own.f1, auroc: own.auroc}),
        separateAgreement: separate[index]!.rows.find(({method}) => method === own.method)!.agreement,
      })),
    })),
    joint: levels,
    seconds: {
      joint: mean(secondsOf(joint.questions[0]!.results)),
      one: mean(separate.flatMap(secondsOf)),
    },
  };
  await mkdir(directory, {recursive: true});
  await writeFile(`${directory}/results.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(JSON.stringify(results, undefined, 2));
} finally {
  await running.close();
}
