import type {ReadTextsOptions} from '../../data/texts/record.ts';
import type {Access, Price} from '../../teacher.ts';
import type {InitOutput, InitService} from './services.ts';

/** The choices from which a recipe for texts is written. */
export interface InitChoices {
  readonly name: string;
  readonly texts: InitTexts;
  readonly classes: readonly string[];
  /** Descriptions of classes, by name. */
  readonly descriptions: Readonly<Record<string, string>>;
  readonly service: InitService;
  readonly model: string;
  readonly output: InitOutput;
  /** Address of the service, if it isn't the usual one. */
  readonly url?: string | undefined;
  readonly region?: string | undefined;
  readonly price?: Price | undefined;
  /** Number of texts that are put to the teacher. */
  readonly calls: number;
  /** Number of texts that are kept for measurement. */
  readonly test: number;
}

/** Options for `textDataset`. */
export type InitTexts = Pick<
  ReadTextsOptions,
  'format' | 'encoding' | 'quotes' | 'text' | 'label' | 'header' | 'folderLabels'
> & {
  readonly path: string;
  /** The path of the texts that are kept for measurement; undefined if they are drawn. */
  readonly testPath?: string | undefined;
};

/** The most classes for which services return probabilities. */
const MOST_NAMED = 20;

/** How a student learns from each output. */
const LEARNED: Readonly<Record<InitOutput, {readonly level: Access; readonly method: string; readonly loss: string}>> =
  {
    label: {level: 'black-box', method: 'labels', loss: 'hardLabels'},
    confidence: {level: 'gray-box', method: 'confidence', loss: 'topKLabels'},
    'log-probabilities': {level: 'gray-box', method: 'probabilities', loss: 'topKLabels'},
  };

/** The access level of an output, and the name of the method that learns from it. */
export function methodOf(output: InitOutput): {readonly level: Access; readonly method: string} {
  const {level, method} = LEARNED[output];
  return {level, method};
}

/** The seed of every draw in a recipe, so that it gives the same result everywhere. */
export const INIT_SEED = 1;

/** Writes the source of a recipe, which is valid TypeScript and JavaScript. */
export function recipeSource(choices: InitChoices): string {
  const {name, service, output, classes, calls} = choices;
  const {level, method, loss} = LEARNED[output];
  const imports = ['defineRecipe', 'hashedNgrams', 'textDataset', loss].sort(byLetters);
  const detail =
    output === 'log-probabilities' ? `detail: {kind: 'top-k', k: ${Math.min(classes.length, MOST_NAMED)}}, ` : '';
  const head = [
    `import {${imports.join(', ')}} from 'limbeck';`,
    `import {${service.factory}} from 'limbeck/adapters/${service.adapter}';`,
  ];
  return `${head.join('\n')}

/** An answer names one of these, and the student learns them in this order. */
const classes = ${list(classes)};

export default defineRecipe({
  // Knowledge, students and results go to out/${name}.
  name: ${quoted(name)},
  // ${choices.test} texts are kept to measure with; the same text twice, or nearly so, counts once.
  data: () =>
    textDataset(${lines(datasetFields(choices), 4)}),
  // So many of the others are asked about. More of them make a better student; those that were asked stay paid for.
  transfer: {size: ${calls}, seed: ${INIT_SEED}},
  teachers: {
    '${level}': () =>
      ${service.factory}(${lines(teacherFields(choices), 6)}),
  },
  // A small network over runs of words and characters: about 2 MB, in any language.
  student: hashedNgrams(),
  methods: [{level: '${level}', method: '${method}', ${detail}losses: [${loss}()]}],
  seeds: [1, 2, 3],
  // If the student is less sure than this takes, \`limbeck serve --teacher\` asks the teacher: of all answers at least 97 % are
  // then the teacher's, with 95 % probability. Some of the answers are set apart to prove it; it takes 198 in all.
  calibration: {agreement: 0.97, confidence: 0.95},
});
`;
}

function datasetFields({texts, test}: InitChoices): readonly string[] {
  const {path, testPath, format, encoding, quotes, text, label, header, folderLabels} = texts;
  return [
    testPath === undefined ? `path: ${quoted(path)}` : `path: {train: ${quoted(path)}, test: ${quoted(testPath)}}`,
    ...(format === undefined ? [] : [`format: ${quoted(format)}`]),
    ...(encoding === undefined ? [] : [`encoding: ${quoted(encoding)}`]),
    ...(quotes === undefined ? [] : [`quotes: ${quotes}`]),
    ...(text === undefined ? [] : [`text: ${quoted(text)}`]),
    ...(label === undefined ? [] : [`label: ${label === false ? 'false' : quoted(label)}`]),
    ...(header === undefined ? [] : [`header: ${header}`]),
    ...(folderLabels ? ['folderLabels: true'] : []),
    'classes',
    ...(testPath === undefined ? [`test: ${test}`] : []),
    `seed: ${INIT_SEED}`,
  ];
}

function teacherFields({model, output, url, region, descriptions, price}: InitChoices): readonly string[] {
  const described = Object.entries(descriptions);
  return [
    ...(url === undefined ? [] : [`url: ${quoted(url)}`]),
    ...(region === undefined ? [] : [`region: ${quoted(region)}`]),
    `model: ${quoted(model)}`,
    'classes',
    ...(described.length === 0 ? [] : [`descriptions: ${lines(described.map(field), 8)}`]),
    `output: '${output}'`,
    ...(price === undefined ? [] : [`price: ${priceSource(price)}`]),
  ];
}

function field([name, value]: readonly [string, string]): string {
  // Without brackets, this name would set the object's prototype.
  const key = name === '__proto__' ? "['__proto__']" : /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
  return `${key}: ${quoted(value)}`;
}

function priceSource(price: Price): string {
  return `{${Object.entries(price)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')}}`;
}

/** Writes an object with a field on each line. */
function lines(fields: readonly string[], indent: number): string {
  const space = ' '.repeat(indent);
  return `{\n${fields.map(text => `${space}  ${text},\n`).join('')}${space}}`;
}

/** The longest list that is written on one line. */
const LINE = 90;

function list(values: readonly string[]): string {
  const all = values.map(quoted);
  const line = `[${all.join(', ')}]`;
  return line.length <= LINE ? line : `[\n${all.map(value => `  ${value},\n`).join('')}]`;
}

/** Writes a text as a literal that no character can break out of. */
function quoted(text: string): string {
  const literal = JSON.stringify(text);
  // JSON.stringify escapes for double quotes. Single quotes are this project's style if nothing needs an escape.
  return /^"[^'"\\]*"$/.test(literal) ? `'${literal.slice(1, -1)}'` : literal;
}

function byLetters(one: string, other: string): number {
  return one.toLowerCase() < other.toLowerCase() ? -1 : 1;
}
