import {readFile} from 'node:fs/promises';
import {unreadableFile} from '../../data/files.ts';
import type {Option, Question} from '../../question.ts';
import {type JsonPart, parseJsonPart} from './json-part.ts';
import {checkedLevels, checkedOptions, readSchema} from './question-schema.ts';
import {GOOGLE} from './services.ts';

/** Typed questions from a file. */
export interface QuestionFile {
  readonly questions: readonly Question[];
  /** The service whose protocol it speaks; undefined if it is nobody's. */
  readonly service?: 'decisions' | 'system-one' | undefined;
  /** The form of that protocol, if it is not the usual one. */
  readonly dialect?: 'sglang' | undefined;
  /** The address of that service, if the form of the file tells it. */
  readonly url?: string | undefined;
  /** The model that it names. */
  readonly model?: string | undefined;
  /** What it left open, and how that was decided. */
  readonly notes: readonly string[];
}

/**
 * Reads questions from a file of JSON: a request of `POST /decisions` (`questions` is a list), of System One or Google
 * (`questions` is an object), such a list alone, or the JSON Schema of an object, as it is sent for structured output.
 *
 * @throws InputError that says where it can't be read, or what no question can hold
 */
export async function readQuestionFile(path: string): Promise<QuestionFile> {
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadableFile(path, cause);
  });
  const whole = parseJsonPart(content.replace(/^\uFEFF/, ''), path);
  const questions = whole.isList ? whole : whole.field('questions');
  const read: QuestionFile = questions === undefined ? readSchema(whole) : readQuestions(questions);
  if (read.questions.length === 0) whole.fail('There are no questions in it.');
  const model = whole.field('model')?.value;
  const service = questions === whole ? undefined : read.service;
  // System One calls it `state`.
  const isGoogles = service === 'system-one' && whole.field('input') !== undefined;
  return {...read, service, url: isGoogles ? GOOGLE : undefined, model: typeof model === 'string' ? model : undefined};
}

function readQuestions(part: JsonPart): QuestionFile {
  if (!part.isList) {
    const questions = part.entries().map(([name, question]) => readQuestion(question, name));
    return {questions, service: 'system-one', notes: []};
  }
  const notes: string[] = [];
  const names = new Set<string>();
  const questions = part.items().map((question, index) => {
    const name = question.oneOf('name', 'id')?.text() ?? `question_${index + 1}`;
    if (question.oneOf('name', 'id') === undefined)
      notes.push(`Question ${index + 1} has no name. It is called ${name}.`);
    if (names.has(name)) question.fail(`An earlier question has the name \`${name}\`, too. Give each its own.`);
    names.add(name);
    return readQuestion(question, name);
  });
  const isOwn = part.items().some(question => question.field('question') !== undefined);
  return {questions, service: 'decisions', dialect: isOwn ? 'sglang' : undefined, notes};
}

/** The names of types in the protocols. */
const TYPES: ReadonlyMap<string, Question['type']> = new Map([
  ['choice', 'choice'],
  ['score', 'score'],
  ['predicate', 'predicate'],
  ['noul', 'predicate'],
  ['yes_no', 'predicate'],
  ['boolean', 'predicate'],
]);

/** The fields of every question. */
const COMMON = ['type', 'name', 'id', 'instructions', 'question'];

function readQuestion(part: JsonPart, name: string): Question {
  if (name === '') part.fail('It has an empty name.');
  const given = (part.field('type') ?? part.fail('It has no `type`. Give it choice, predicate or score.')).text();
  const instructions = instructionsOf(part);
  switch (TYPES.get(given)) {
    case 'choice': {
      part.only([...COMMON, 'choices', 'options', 'criteria']);
      const options = part.oneOf('choices', 'options', 'criteria') ?? part.fail('It has no options.');
      return {type: 'choice', name, instructions, options: checkedOptions(options, readOptions(options))};
    }
    case 'score': {
      part.only([...COMMON, 'levels', 'criteria']);
      const levels = part.oneOf('levels', 'criteria') ?? part.fail('It has no levels.');
      return {type: 'score', name, instructions, levels: checkedLevels(levels, levels.items().map(readLevel))};
    }
    case 'predicate': {
      part.only([...COMMON, 'criteria']);
      const criteria = part.field('criteria');
      criteria?.only(['true', 'false', 'true_description', 'false_description']);
      const yes = criteria?.oneOf('true', 'true_description')?.text();
      const no = criteria?.oneOf('false', 'false_description')?.text();
      return {type: 'predicate', name, instructions, ...(yes && {yes}), ...(no && {no})};
    }
    case undefined:
      return part
        .field('type')!
        .fail(`There are no questions of type \`${given}\`. Give it choice, predicate or score.`);
  }
}

/** A text, or a list of parts that are texts. */
function instructionsOf(part: JsonPart): string {
  const instructions = part.oneOf('instructions', 'question');
  if (instructions === undefined) return '';
  if (!instructions.isList) return instructions.text();
  return instructions
    .items()
    .map(item => (item.field('text') ?? item.fail('This part is no text. Questions are asked in words alone.')).text())
    .join('\n');
}

/** Options by name with their descriptions, or a list of them. */
function readOptions(part: JsonPart): readonly Option[] {
  if (part.isList)
    return part.items().map(item => (typeof item.value === 'string' ? {name: item.value} : described(item)));
  return part.entries().map(([name, inner]) => optionOf(name, inner.value === null ? '' : inner.text()));
}

/** A text is the name of a level, or its name and its description with a colon between. */
function readLevel(part: JsonPart): Option {
  if (typeof part.value !== 'string') return described(part);
  const colon = part.value.indexOf(': ');
  return colon < 1 ? {name: part.value} : optionOf(part.value.slice(0, colon), part.value.slice(colon + 2));
}

function described(part: JsonPart): Option {
  part.only(['value', 'name', 'label', 'description']);
  const name = part.oneOf('value', 'name', 'label') ?? part.fail('It has no name.');
  if (typeof name.value === 'boolean') {
    name.fail(`${name.value} is no text. Write "${name.value}", or make the question a predicate.`);
  }
  return optionOf(name.text(), part.field('description')?.text() ?? '');
}

function optionOf(name: string, description: string): Option {
  return description === '' ? {name} : {name, description};
}
