import {hash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {InputError} from '../../src/errors.ts';
import {kindProblem, textOf} from '../../src/input-kinds.ts';
import {classesOf, NO_YES, type Option, type Question} from '../../src/question.ts';
import {areInseparable, keyOf} from '../../src/questions.ts';
import type {Access, Json, Query} from '../../src/teacher.ts';
import {aliasIndex} from '../_answers/labels.ts';
import {withParameters} from './chat.ts';
import {holdsLabel} from './chat-probe.ts';
import type {Body, ChatWords, Completion, Dialect, Settings} from './dialect.ts';
import {type Field, fieldsIn} from './fields.ts';
import type {FormRequest} from './form-requests.ts';
import {objectOf} from './modes.ts';
import {plain} from './projection-text.ts';
import {labelCodes, lineOf, type Prompt, type PromptedInput} from './prompt.ts';
import type {QuestionChatOptions} from './question-options.ts';
import {type FormOptions, templateOf} from './question-options.ts';

/** Version of the way in which questions become a prompt and a schema. It is part of the identity. */
const MAPPING = 1;

/** A question as a model reads and answers it. */
export interface Written {
  readonly question: Question;
  /** The digits of its neutral name. A field has as many of them as tell it from the others. */
  readonly digits: string;
  /** The wanted answer of each class. */
  readonly codes: readonly string[];
  readonly words: ChatWords;
}

/** Several questions in one request. */
interface Asked {
  readonly written: readonly Written[];
  /** The name of each one's field. */
  readonly fields: readonly string[];
}

/** @throws InputError if the question says nothing, or its options can't be told apart in an answer */
function written(question: Question, {output, codes: wanted}: FormOptions): Written {
  const classes = classesOf(question);
  const isPredicate = question.type === 'predicate';
  if (isPredicate && !(question.instructions || question.yes || question.no)) {
    throw new InputError(`The question \`${question.name}\` has neither \`instructions\` nor criteria. Give it some.`);
  }
  const areLetters = output === 'log-probabilities' && wanted === undefined && !isPredicate;
  const codes = labelCodes(classes, areLetters ? undefined : classes);
  // A model without a schema can answer with JSON's own words.
  const aliases = isPredicate ? {true: 'yes', false: 'no'} : {};
  const aliased = aliasIndex({classes, labels: codes, aliases}, plain);
  // Tokens are read as they are written in JSON.
  const read = output === 'log-probabilities' ? codes.map(code => JSON.stringify(code).slice(1, -1)) : codes;
  return {question, digits: digitsOf(question), codes, words: {classes, codes: read, aliased}};
}

const DIGITS = 15;

/** Digits that depend on nothing but what is asked. */
function digitsOf(question: Question): string {
  const sha256 = hash('sha256', stringify(keyOf(question)));
  return String(BigInt(`0x${sha256}`) % 10n ** BigInt(DIGITS)).padStart(DIGITS, '0');
}

/** Three digits are one token of common tokenizers. */
const LEAST_DIGITS = 3;

/** Puts questions in one request. Questions that ask the same under two names have one field. */
function askedTogether(all: readonly Written[], {areNamesShown = false}: FormOptions): Asked {
  if (areNamesShown) return {written: all, fields: all.map(({question}) => question.name)};
  const different = [...new Map(all.map(one => [one.digits, one])).values()];
  let length = LEAST_DIGITS;
  const namesOf = () => different.map(({digits}) => `q${digits.slice(0, length)}`);
  while (new Set(namesOf()).size < different.length) length++;
  return {written: different, fields: namesOf()};
}

/** Returns the schema of an answer to all of the questions. */
function schemaOf({written: all, fields}: Asked, {output}: FormOptions): Body {
  const schemaFor = ({codes}: Written): Json => {
    const label = {type: 'string', enum: codes};
    return output === 'confidence' ? objectOf({label, confidence: {type: 'integer'}}) : label;
  };
  return objectOf(Object.fromEntries(all.map((one, row) => [fields[row]!, schemaFor(one)])));
}

/** Tokens around a value and its name. Small models write many blanks. */
const AROUND = 32;
/** Bytes of a confidence. */
const CONFIDENCE = 48;

/** The most tokens of an answer: a token is at least one byte. */
function longestAnswer({written: all, fields}: Asked, {output}: FormOptions): number {
  const longest = all.map(({codes}, row) => {
    const value = Math.max(...codes.map(code => Buffer.byteLength(JSON.stringify(code))));
    return Buffer.byteLength(JSON.stringify(fields[row])) + value + AROUND + (output === 'confidence' ? CONFIDENCE : 0);
  });
  return longest.reduce((sum, bytes) => sum + bytes, AROUND);
}

/** @param sample - the number of the repetition, by which options take turns in coming first */
function promptOf(asked: Asked, input: PromptedInput, options: FormOptions, sample: number): Prompt {
  const {system, user} = templateOf(options, input.kind);
  const block = questionsBlock(asked, options, options.rotateClasses ? sample : 0);
  const filled = (part: string) => part.replaceAll('{questions}', () => block);
  return {
    system: system === undefined ? undefined : filled(system),
    // The parts around the text are filled first, because it can hold something that looks like a placeholder.
    user: user
      .split('{text}')
      .map(filled)
      .join(textOf(input) ?? ''),
    ...(input.kind === 'image' && {image: input}),
  };
}

function questionsBlock({written: all, fields}: Asked, {output}: FormOptions, turn: number): string {
  const listed = all.map((one, row) => `${fields[row]}: ${headOf(one.question)}\n${linesOf(one, turn)}`);
  const areNames = all.every(({codes, question}) => classesOf(question).every((name, index) => name === codes[index]));
  const label = `the ${areNames ? 'name' : 'code'} of one option of its question`;
  const value = output === 'confidence' ? `{"label": ${label}, "confidence": from 0 to 100, how sure you are}` : label;
  const shape = `{${fields.map(field => `${JSON.stringify(field)}: …`).join(', ')}}`;
  return [...listed, `Answer with JSON and nothing else: ${shape}. Each value is ${value}.`].join('\n\n');
}

function headOf(question: Question): string {
  const {instructions, type} = question;
  if (type === 'predicate') return instructions || 'Is it so?';
  if (type === 'choice') return instructions || 'Which of these is it?';
  return `${instructions || 'How much is it?'} From the lowest to the highest:`;
}

/** The options with their codes. Levels keep their order. */
function linesOf({question, codes}: Written, turn: number): string {
  const lines = optionsOf(question).map(({name, description}, index) => lineOf(name, codes[index]!, description));
  const first = question.type === 'score' ? 0 : turn % lines.length;
  return [...lines.slice(first), ...lines.slice(0, first)].join('\n');
}

function optionsOf(question: Question): readonly Option[] {
  if (question.type === 'choice') return question.options;
  if (question.type === 'score') return question.levels;
  return NO_YES.map((name, index) => ({name, description: (index === 0 ? question.no : question.yes) || undefined}));
}

/** Questions about one input in one request. */
export interface Request extends FormRequest {
  readonly prompt: Prompt;
}

/** How questions become requests, and how the fields of a reply are found. */
export class Form {
  readonly identity: Body;
  /** A request without questions. */
  readonly template: Body;
  /** The settings of a request with all questions. */
  readonly settings: Settings;
  readonly #options: QuestionChatOptions;
  readonly #dialect: Dialect<Access>;
  readonly #written = new WeakMap<Question, Written>();

  constructor(options: QuestionChatOptions, dialect: Dialect<Access>) {
    const {output, codes = 'default', rotateClasses = false, questions, maxTokens} = options;
    this.#options = options;
    this.#dialect = dialect;
    this.identity = {mapping: MAPPING, output, codes, ...(rotateClasses && {rotates: true})};
    const {system, user} = templateOf(options);
    const none = this.#settingsFor([]);
    this.template = this.#bodyOf({system, user}, {...none, maxTokens: maxTokens ?? dialect.spareTokens});
    this.settings = this.#settingsFor(questions);
  }

  writtenOf(question: Question): Written {
    const made = this.#written.get(question) ?? written(question, this.#options);
    this.#written.set(question, made);
    return made;
  }

  /** @param refuse - called for queries that no request can hold */
  requestsFor(queries: readonly Query[], refuse: (row: number, why: string) => void = () => {}): readonly Request[] {
    const requests: (Request & {readonly rows: number[]; readonly first: Query})[] = [];
    for (const [row, query] of queries.entries()) {
      const {input, question, together = question && [question], sample = 0} = query;
      if (input.kind === 'tensor' || together === undefined) {
        refuse(row, question ? kindProblem(['text', 'image', 'record'], input) : 'A query names no question.');
        continue;
      }
      const last = requests.at(-1);
      if (last && areInseparable([last.first, query])) last.rows.push(row);
      else requests.push({...this.#requestAbout(input, together, sample), rows: [row], first: query});
    }
    return requests;
  }

  #requestAbout(input: PromptedInput, questions: readonly Question[], sample: number) {
    const prompt = promptOf(this.#asked(questions), input, this.#options, sample);
    return {inputs: [input], prompt, body: this.#bodyOf(prompt, this.#settingsFor(questions))};
  }

  #asked(questions: readonly Question[]): Asked {
    const all = questions.map(question => this.writtenOf(question));
    return askedTogether(all, this.#options);
  }

  #bodyOf(prompt: Prompt, settings: Settings): Body {
    return withParameters(this.#dialect.body(prompt, settings), this.#options.parameters);
  }

  #settingsFor(questions: readonly Question[]): Settings {
    const {model, maxTokens, structured = true} = this.#options;
    const asked = this.#asked(questions);
    return {
      ...{model, codes: [], schema: structured ? schemaOf(asked, this.#options) : undefined},
      maxTokens: maxTokens ?? longestAnswer(asked, this.#options) + this.#dialect.spareTokens,
    };
  }

  /** With their tokens only if they are read. */
  fieldsIn({text, steps}: Completion): readonly Field[] {
    return fieldsIn(this.#options.output === 'log-probabilities' ? {text, ...(steps && {steps})} : {text});
  }

  /** True if a field is that of a question, in an answer to whatever questions. */
  isOwn(question: Question, {name}: Field): boolean {
    if (this.#options.areNamesShown) return name === question.name;
    return name.length > LEAST_DIGITS && `q${this.writtenOf(question).digits}`.startsWith(name);
  }

  /** True if every field of an answer, of those that are asked for, has one of the allowed values. */
  isHeld(completion: Completion): boolean {
    const fields = this.fieldsIn(completion);
    const {questions, output} = this.#options;
    const allowed = fields.map(field => {
      const question = questions.find(own => this.isOwn(own, field));
      const codes = question && this.writtenOf(question).codes;
      return (
        codes === undefined || (output === 'confidence' ? holdsLabel(field.text, codes) : codes.includes(field.text))
      );
    });
    return fields.length > 0 && allowed.every(Boolean);
  }
}
