import {dataUrl, textOf} from '../src/input-kinds.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import {classesOf, type Question} from '../src/question.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import {
  ADVICE,
  chosen,
  type DecidedInput,
  type DecisionDialect,
  described,
  type Given,
  isRecord,
  NO_ANSWER,
  NOT_ASKED,
  noteOnLabelMass,
  predicated,
  probabilitiesBy,
  REFUSED,
  receiptIn,
  scored,
  withCriteria,
  withoutInstructions,
  wrongType,
} from './_decisions/dialect.ts';
import type {Unusable} from './_decisions/distribution.ts';
import {sglang} from './_decisions/sglang.ts';
import {
  DECISION_KINDS,
  type DecisionOptions,
  decisionTeacher,
  type HostFacts,
  pathBelow,
} from './_decisions/teacher.ts';
import {checkAddress} from './_wire/request.ts';

export interface DecisionsOptions extends DecisionOptions {
  /**
   * Address of the service, up to where the paths of its protocol begin: for most it ends in `/v1`. OPENAI_API_KEY is
   * sent to OpenAI only.
   *
   * @default 'https://api.openai.com/v1'
   */
  readonly url?: string;
  /**
   * The path of the questions below `url`.
   *
   * @default '/decisions'
   */
  readonly path?: string;
  /**
   * The form of requests and replies: that of OpenAI, vLLM and Fireworks, or SGLang's own.
   *
   * @default 'openai'
   */
  readonly dialect?: 'openai' | 'sglang';
}

const KINDS = {
  ...DECISION_KINDS,
  url: kinds.text,
  path: kinds.text,
  dialect: oneOf('openai', 'sglang'),
} satisfies Shape<DecisionsOptions>;

const OPENAI = 'https://api.openai.com/v1';

/** By origin. The limits are those of November 2026. */
const HOSTS: Readonly<Record<string, HostFacts>> = {
  'https://api.openai.com': {decimals: 2, questions: 400, options: 255, levels: 10},
  'https://api.fireworks.ai': {options: 208},
};

/**
 * A model that answers typed questions about texts, images and records, by OpenAI's `POST /decisions` and services with the same protocol:
 * gray-box, with the probability of every option. One request carries all questions about an input that are not
 * answered yet. The key is read from OPENAI_API_KEY, or from LIMBECK_TEACHER_KEY if `url` is not OpenAI's.
 *
 * Probabilities are kept as they came. If the service rounds them (`decimals`), an answer is a top-k answer: what its
 * numbers lack to a sum of 1 is its rest, and options that are printed as zero are not named.
 *
 * @throws InputError if the options can't be used, or the service takes no such question
 */
export function decisions(options: DecisionsOptions): Teacher<'gray-box'> {
  checkOptions('decisions', options, KINDS, ['model', 'questions']);
  const {url = OPENAI, path = '/decisions', dialect = 'openai'} = options;
  const address = checkAddress(url);
  return decisionTeacher(options, {
    ...{adapter: 'decisions', address},
    path: pathBelow(address, path),
    provider: {own: OPENAI, variable: 'OPENAI_API_KEY'},
    listsModels: true,
    host: HOSTS[new URL(address).origin] ?? (dialect === 'sglang' ? {options: 26} : {}),
    dialect: dialect === 'sglang' ? sglang : openaiDialect(address.startsWith(OPENAI)),
  });
}

/** @param isOwn - true for OpenAI's service: other servers take records as text only */
function openaiDialect(isOwn: boolean): DecisionDialect {
  return {
    mapping: 'openai 1',
    body: (input, questions) => ({input: openaiInput(input, isOwn), questions: questions.map(openaiQuestion)}),
    problemWith: withoutInstructions,
    given: openaiAnswers,
    receipt: receiptIn,
    note: noteOnLabelMass,
    refusalAdvice: () => ADVICE,
  };
}

function openaiInput(input: DecidedInput, isOwn: boolean): Json {
  const message = (part: Json) => [{role: 'user', content: [part]}];
  if (input.kind === 'image') return message({type: 'input_image', image_url: dataUrl(input)});
  if (input.kind === 'record' && isOwn) return message({type: 'input_json', data: input.fields});
  return textOf(input);
}

function openaiQuestion(question: Question) {
  const {type, name, instructions} = question;
  switch (question.type) {
    case 'predicate':
      return {type, name, instructions: withCriteria(question)};
    case 'choice':
      return {type, name, instructions, choices: described(question.options, 'value')};
    case 'score':
      return {type, name, instructions, levels: described(question.levels, 'label')};
  }
}

/** Answers come in the order of the questions. Their names are optional, and must then be right. */
function openaiAnswers(document: unknown, questions: readonly (Question | undefined)[]): readonly Given[] | string {
  const answers = isRecord(document) ? document['answers'] : undefined;
  if (!Array.isArray(answers)) return 'Its reply has no list of answers. Check `url`, `path` and `dialect`.';
  if (answers.length === questions.length) {
    return questions.map((question, row) => (question ? openaiAnswer(question, answers[row]) : NO_ANSWER));
  }
  // With another number of answers only their names tell which they are.
  const names = answers.map(answer => (isRecord(answer) ? answer['name'] : undefined));
  if (!names.every(name => typeof name === 'string')) {
    return `It gave ${answers.length} answers to ${questions.length} questions.`;
  }
  return questions.map((question): Given => {
    const own = names.filter(name => name === question?.name).length;
    if (question && own === 1) return openaiAnswer(question, answers[names.indexOf(question.name)]);
    return own === 0 ? NO_ANSWER : {problem: `It gave ${own} answers.`};
  });
}

function openaiAnswer(question: Question, answer: unknown): Given {
  if (!isRecord(answer)) return NO_ANSWER;
  const {type, name} = answer;
  if (name !== undefined && name !== null && name !== question.name) {
    return {problem: 'It gave the answer to another question.'};
  }
  if (type === 'refusal') return REFUSED;
  if (type !== question.type) return wrongType(type, question.type);
  const classes = classesOf(question);
  switch (question.type) {
    case 'predicate':
      return predicated(answer['probability']);
    case 'choice':
      return chosen(
        classes,
        answer['choice'],
        listed(answer['probabilities'], classes, entry => entry['value']),
      );
    case 'score': {
      const isShifted = (entry: Entry, index: number) => entry['value'] !== index;
      if (Array.isArray(answer['probabilities']) && answer['probabilities'].filter(isRecord).some(isShifted)) {
        return {problem: 'It numbers the levels in another way than from 0.'};
      }
      return scored(
        answer['score'],
        listed(answer['probabilities'], classes, entry => entry['label']),
      );
    }
  }
}

type Entry = Readonly<Record<string, unknown>>;

/** Reads a list of probabilities with their options. */
function listed(
  found: unknown,
  classes: readonly string[],
  nameOf: (entry: Entry) => unknown,
): readonly number[] | Unusable {
  if (!Array.isArray(found)) return {problem: 'It gave no probabilities.'};
  const values = new Map<unknown, unknown>();
  for (const entry of found) {
    const name = isRecord(entry) ? nameOf(entry) : undefined;
    if (values.has(name)) return {problem: 'It gave two probabilities of one option.'};
    if (!classes.includes(name as string)) return {problem: NOT_ASKED};
    values.set(name, (entry as Entry)['probability']);
  }
  return probabilitiesBy(classes, Object.fromEntries(values as Map<string, unknown>));
}
