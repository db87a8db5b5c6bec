import {createHash} from 'node:crypto';
import {type JsonReply, jsonServer} from '../json-server.ts';

/** A question as a service sees it, in either protocol. */
interface Seen {
  readonly type: string;
  readonly name?: string;
  readonly instructions?: string;
  readonly choices?: readonly {readonly value: string}[];
  readonly levels?: readonly {readonly label: string}[];
  readonly criteria?: object | readonly string[];
}

interface Body {
  readonly model: string;
  readonly input?: string;
  readonly state?: string;
  readonly questions: readonly Seen[] | Readonly<Record<string, Seen>>;
}

export interface DecisionServer {
  readonly url: string;
  /** The names of the questions of each request, in order. */
  readonly asked: (readonly string[])[];
}

/** What a service does instead of answering; undefined if it answers. */
type Deed = (names: readonly string[], text: string) => JsonReply | undefined;

/** A service of typed questions, of both protocols by path. Its answers depend on the text and the question alone. */
export async function decisionServer(decimals?: number, deed: Deed = () => undefined): Promise<DecisionServer> {
  const asked: (readonly string[])[] = [];
  const url = await jsonServer((body: Body) => {
    const text = (body.input ?? body.state)!;
    const {questions} = body;
    const list = isList(questions) ? questions : Object.entries(questions).map(([name, own]) => ({...own, name}));
    asked.push(list.map(({name}) => name!));
    const done = deed(asked.at(-1)!, text);
    if (done) return done;
    const usage = {input_tokens: 10 + 5 * list.length, output_tokens: 0};
    const answers = list.map(question => answerTo(question, text, decimals));
    if (isList(questions)) return {body: {answers, model: `${body.model}-1`, usage}};
    const named = answers.map(({name, ...answer}) => [name, answer]);
    return {body: {answers: Object.fromEntries(named), model: `${body.model}-1`, usage}};
  });
  return {url, asked};
}

function isList(questions: Body['questions']): questions is readonly Seen[] {
  return Array.isArray(questions);
}

function answerTo(
  {type, name, instructions, choices, levels, criteria}: Seen,
  text: string,
  decimals: number | undefined,
) {
  const printed = (value: number) => (decimals === undefined ? value : Number(value.toFixed(decimals)));
  const of = (count: number) => {
    const bytes = createHash('sha256').update(`${text} ${instructions}`).digest();
    const total = bytes.subarray(0, count).reduce((sum, byte) => sum + byte + 9, 0);
    return Array.from(bytes.subarray(0, count), byte => (byte + 9) / total);
  };
  if (type === 'refuse') return {type: 'refusal', name};
  if (type === 'predicate') return {type, name, probability: printed(of(2)[1]!)};
  if (type === 'noul') return {type, name, noul: printed(of(2)[1]!)};
  const names = choices?.map(({value}) => value) ?? levels?.map(({label}) => label) ?? Object.keys(criteria!);
  const exact = of(names.length);
  const best = exact.indexOf(Math.max(...exact));
  const score = printed(exact.reduce((sum, value, level) => sum + level * value, 0));
  const listed = names.map((own, index) => {
    const probability = printed(exact[index]!);
    return type === 'choice' ? {value: own, probability} : {value: index, label: own, probability};
  });
  const mapped = Object.fromEntries(names.map((own, index) => [own, printed(exact[index]!)]));
  const probabilities = criteria === undefined ? listed : mapped;
  return type === 'choice' ? {type, name, choice: names[best], probabilities} : {type, name, score, probabilities};
}
