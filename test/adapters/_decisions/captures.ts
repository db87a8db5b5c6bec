import {readdirSync, readFileSync} from 'node:fs';
import {decisions} from '../../../adapters/decisions.ts';
import {systemOne} from '../../../adapters/system-one.ts';
import type {Question} from '../../../src/question.ts';
import type {Json, Outcome, Query, Teacher, TextInput} from '../../../src/teacher.ts';
import {type Offline, offline} from '../replay.ts';

const folder = new URL('../../fixtures/captures-decisions/', import.meta.url);

interface Fields {
  readonly [field: string]: Json;
}

/** A request with its reply. */
export interface Capture {
  readonly request: {readonly url: string; readonly body?: Fields};
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Json;
  };
}

export function captureNames(): readonly string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .map(name => name.replace('.json', ''))
    .sort();
}

export function captureOf(name: string): Capture {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Capture;
}

/** A teacher whose network gives the reply of a capture to the capture's questions. */
export interface Replayed {
  readonly network: Offline;
  readonly queries: readonly Query[];
  ask(): Promise<readonly Outcome<'gray-box'>[]>;
  readonly teacher: Teacher<'gray-box'>;
}

export function replayed({request, response}: Capture): Replayed {
  const {origin, pathname} = new URL(request.url);
  const network = offline(origin);
  network.answer(pathname, response.status, response.body, response.headers);
  const body: Fields = request.body ?? {};
  const questions = questionsIn(body);
  const isList = Array.isArray(body['questions']) || typeof body['questions'] === 'string';
  const shared = {
    ...{model: String(body['model'] ?? 'm'), questions, key: 'test-key', maxQuestions: 500},
    dispatcher: network.dispatcher,
  };
  const {provider} = body;
  const teacher = isList
    ? decisions({
        ...{...shared, url: request.url, dialect: origin.endsWith(':30000') ? 'sglang' : 'openai'},
      })
    : systemOne({
        ...{...shared, url: request.url},
        ...(pathname === '/v1/decisions' && {path: pathname}),
        // Only the capture of OpenRouter has it, and it was made without the field that is sent by default.
        ...(provider !== undefined && {parameters: {provider}, distillableOnly: false}),
      });
  const told = body['state'] ?? body['input'];
  const input: TextInput = {kind: 'text', text: typeof told === 'string' ? told : 'A text.'};
  const queries = questions.map(question => ({input, question}));
  return {network, teacher, queries, ask: () => teacher.ask(queries)};
}

/** The questions of a captured request. One that limbeck can't ask becomes a predicate. */
function questionsIn({questions = {}}: Fields): readonly Question[] {
  const length = /\d+/.exec(String(questions))?.[0];
  if (typeof questions === 'string')
    return Array.from({length: Number(length)}, (_, row) => predicateOf(`q${row}`, {}));
  if (Array.isArray(questions)) {
    return (questions as readonly Fields[]).map((question, row) =>
      questionOf(String(question['name'] ?? question['id'] ?? `q${row}`), question),
    );
  }
  const entries = Object.entries(questions as {readonly [id: string]: Fields});
  return entries.length === 0 ? [predicateOf('q', {})] : entries.map(([id, question]) => questionOf(id, question));
}

function questionOf(name: string, question: Fields): Question {
  const {type, criteria, choices, options, levels} = question;
  const instructions = textOf(question['instructions'] ?? question['question']);
  if (type === 'choice') {
    const listed = (choices ?? options) as readonly Fields[] | undefined;
    const named = listed?.map(({value, name: own, description}) => option(value ?? own, description));
    const mapped = () => Object.entries(criteria as Fields).map(([own, description]) => option(own, description));
    return {type, name, instructions, options: named ?? mapped()};
  }
  if (type === 'score') {
    const listed = Object.values((levels ?? criteria) as readonly Json[]);
    const named = listed.map(level => {
      const {label = level, description} = Object(level) as Fields;
      return option(label, description);
    });
    return {type, name, instructions, levels: named};
  }
  return predicateOf(name, question);
}

function predicateOf(name: string, {instructions, question, criteria}: Fields): Question {
  const {
    true_description,
    false_description,
    true: yes = true_description,
    false: no = false_description,
  } = (criteria ?? {}) as Fields;
  const words = textOf(instructions ?? question) ?? (criteria ? undefined : 'Is it so?');
  return {type: 'predicate', name, instructions: words, yes: textOf(yes), no: textOf(no)};
}

function option(name: Json | undefined, description: Json | undefined) {
  return {name: typeof name === 'boolean' ? `the value ${name}` : String(name), description: textOf(description)};
}

function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
