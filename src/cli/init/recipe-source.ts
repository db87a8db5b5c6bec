import {classesOf} from '../../question.ts';
import type {Access} from '../../teacher.ts';
import {hostedModel} from './hosted-models.ts';
import {field, lines, list, quoted} from './literals.ts';
import {questionSource} from './question-source.ts';
import {byLetters, datasetFields, INIT_SEED, type InitChoices, priceSource} from './recipe-parts.ts';
import type {InitOutput} from './services.ts';
import {vectorSource} from './vector-source.ts';

/** The most classes for which services return probabilities. */
const MOST_NAMED = 20;

/** How a student learns from each output. */
const LEARNED: Readonly<Record<InitOutput, {readonly level: Access; readonly method: string; readonly loss: string}>> =
  {
    label: {level: 'black-box', method: 'labels', loss: 'hardLabels'},
    confidence: {level: 'gray-box', method: 'confidence', loss: 'topKLabels'},
    'log-probabilities': {level: 'gray-box', method: 'probabilities', loss: 'topKLabels'},
    probabilities: {level: 'gray-box', method: 'probabilities', loss: 'topKLabels'},
    vector: {level: 'gray-box', method: 'cosine', loss: 'vectorCosine'},
  };

/** The access level of an output, and the name of the method that learns from it. */
export function methodOf(output: InitOutput): {readonly level: Access; readonly method: string} {
  const {level, method} = LEARNED[output];
  return {level, method};
}

/** Writes the source of a recipe, which is valid TypeScript and JavaScript. */
export function recipeSource(choices: InitChoices): string {
  if (choices.vectors !== undefined) return vectorSource(choices, choices.vectors);
  const {name, service, output, calls, encoder} = choices;
  const {level, loss} = LEARNED[output];
  const {dataset, isOfData, student, noun, same, network} = encoder
    ? READ.assisted
    : READ[choices.texts.kind ?? 'text'];
  const own = isOfData ? [] : [dataset];
  const imports = ['defineRecipe', student.split('(')[0]!, ...own, loss].sort(byLetters);
  const {importing, constant, field, parameter, promise} = taskSource(choices, noun);
  const head = [
    `import {${imports.join(', ')}} from 'limbeck';`,
    `import {${service.factory}} from 'limbeck/adapters/${service.adapter}';`,
    ...importing,
    ...(choices.isChosen ? [`import {medoids} from 'limbeck/select';`] : []),
    ...(isOfData ? [`import {${dataset}} from 'limbeck/data';`] : []),
  ];
  return `${head.join('\n')}

${constant}

export default defineRecipe({
  // Knowledge, students and results go to out/${name}.
  name: ${quoted(name)},
${field}  // ${choices.test} ${noun}s are kept to measure with; ${same} counts once.
  data: ${parameter} =>
    ${dataset}(${lines(datasetFields(choices), 4)}),
  // So many of the others are asked about. More of them make a better student; those that were asked stay paid for.
  transfer: {size: ${calls}, seed: ${INIT_SEED}},
  teachers: {
    '${level}': () =>
      ${service.factory}(${lines(teacherFields(choices), 6)}),
  },
  // ${network}
  student: ${student},
${assistantSource(choices)}${methodSource(choices)}  seeds: [1, 2, 3],
  // If the student is less sure than this takes, \`limbeck serve --teacher\` asks the teacher: ${promise}
  // then the teacher's, with 95 % probability. Some of the answers are set apart to prove it; it takes 198 in all.
  calibration: {agreement: 0.97, confidence: 0.95},
});
`;
}

/** What differs between kinds of inputs. */
const READ = {
  text: {
    ...{dataset: 'textDataset', isOfData: false, student: 'hashedNgrams()', noun: 'text'},
    same: 'the same text twice, or nearly so,',
    network: 'A small network over runs of words and characters: about 2 MB, in any language.',
  },
  /** Texts with an assistant. Its labels are many, and 96 units learn more from them than 32. */
  assisted: {
    ...{dataset: 'textDataset', isOfData: false, student: 'hashedNgrams({units: [96]})', noun: 'text'},
    same: 'the same text twice, or nearly so,',
    network: 'A small network over runs of words and characters: about 6 MB. It needs no encoder.',
  },
  image: {
    ...{dataset: 'imageDataset', isOfData: true, student: 'lenet()', noun: 'image'},
    same: 'the same file twice',
    network: 'A small convolutional network. `images: {height, width}` sets the size that it reads.',
  },
  record: {
    ...{dataset: 'recordDataset', isOfData: true, student: 'mlp({units: [64]})', noun: 'record'},
    same: 'the same row twice',
    network: 'A small network over the columns: numbers are standardised, texts and categories hashed.',
  },
} as const;

/** What differs between one list of classes and several questions. */
function taskSource(choices: InitChoices, noun: string) {
  const {classes, questions} = choices;
  if (questions === undefined) {
    return {
      importing: [],
      constant: `/** An answer names one of these, and the student learns them in this order. */\nconst classes = ${list(classes)};${descriptionsSource(choices)}`,
      field: '',
      parameter: '()',
      promise: 'of all answers at least 97 % are',
    };
  }
  const functions = [...new Set(['classesOf', ...questions.map(({type}) => type)])].sort(byLetters);
  const all = questions.map(question => `  ${questionSource(question)},\n`).join('');
  return {
    importing: [`import {${functions.join(', ')}} from 'limbeck/ask';`],
    constant: `/** One request asks all of them about ${noun === 'image' ? 'an' : 'a'} ${noun}, and one student learns them. */\nconst questions = [\n${all}];`,
    field: '  questions,\n',
    parameter: 'question',
    promise: 'at least 97 % of the answers to each question are',
  };
}

/** The descriptions of classes, if both the teacher and an assistant read them. */
function descriptionsSource({encoder, descriptions}: InitChoices): string {
  const described = Object.entries(descriptions);
  if (encoder === undefined || described.length === 0) return '';
  return `\n\n/** For the teacher and the assistant. */\nconst descriptions = ${lines(described.map(field), 0)};`;
}

function assistantSource({encoder, descriptions}: InitChoices): string {
  if (encoder === undefined) return '';
  const described = Object.keys(descriptions).length === 0 ? '' : ', descriptions';
  return `  // A head on a frozen encoder, fitted to the answers, labels the other texts as well. It costs no calls.
  assistant: {encoder: ${quoted(encoder)}${described}},
`;
}

function methodSource(choices: InitChoices): string {
  const {output, encoder, isChosen, calls} = choices;
  const {level, method, loss} = LEARNED[output];
  const fields = [`level: '${level}'`, `method: '${method}'`, ...detailSource(choices), `losses: [${loss}()]`];
  if (!isChosen || encoder === undefined) return `  methods: [{${fields.join(', ')}}],\n`;
  // Medoids wait for no answer, so one round is enough.
  const select = `select: {by: medoids({encoder: ${quoted(encoder)}}), held: 50, size: ${calls}}`;
  return `  // 50 texts to measure by and those that calibrate are drawn. The others are chosen: they represent all texts.
  methods: [
    ${lines([...fields, select], 4)},
  ],
`;
}

/** The most probabilities that a method learns from. */
function detailSource({output, classes, questions}: InitChoices): readonly string[] {
  const most = Math.max(classes.length, ...(questions ?? []).map(question => classesOf(question).length));
  if (output === 'probabilities') return [`detail: {kind: 'top-k', k: ${most}}`];
  return output === 'log-probabilities' ? [`detail: {kind: 'top-k', k: ${Math.min(most, MOST_NAMED)}}`] : [];
}

function teacherFields({
  service,
  model,
  output,
  url,
  region,
  dialect,
  questions,
  descriptions,
  encoder,
  price,
}: InitChoices): readonly string[] {
  const described = Object.entries(descriptions);
  return [
    ...(url === undefined ? [] : [`url: ${quoted(url)}`]),
    ...(region === undefined ? [] : [`region: ${quoted(region)}`]),
    `model: ${quoted(model)}`,
    ...(dialect === undefined ? [] : [`dialect: '${dialect}'`]),
    questions === undefined ? 'classes' : 'questions',
    ...(described.length === 0 ? [] : [encoder ? 'descriptions' : `descriptions: ${lines(described.map(field), 8)}`]),
    // Services of typed questions have one output.
    ...(output === 'probabilities' ? [] : [`output: '${output}'`]),
    ...(service.factory === 'openai' ? parametersSource(model) : []),
    ...(price === undefined ? [] : [`price: ${priceSource(price)}`]),
  ];
}

/** What keeps a model from thinking before it names a class. */
function parametersSource(model: string): readonly string[] {
  const {chatParameters} = hostedModel(model) ?? {};
  if (chatParameters === undefined) return [];
  const fields = Object.entries(chatParameters).map(([name, value]) => `${name}: ${quoted(String(value))}`);
  return [`parameters: {${fields.join(', ')}}`];
}
