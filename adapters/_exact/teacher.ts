import {once, untilAborted} from '../../src/concurrency.ts';
import {TeacherError} from '../../src/errors.ts';
import {textOf} from '../../src/input-kinds.ts';
import type {Json, Query, ReadOutcome, Reply, Teacher, Usage} from '../../src/teacher.ts';
import {askEach, type ChatOptions} from '../_chat/chat.ts';
import {COMPLETIONS_COST, mostOutput, unboundedBy} from '../_chat/cost.ts';
import type {Body} from '../_chat/dialect.ts';
import {type Prompts, promptsFor} from '../_chat/prompt.ts';
import {headersInIdentity} from '../_wire/headers.ts';
import {type RefusalAdvice, statusError} from '../_wire/refusal.ts';
import {parseJson, WholeReply} from '../_wire/reply.ts';
import {type Connection, checkAddress, postJson} from '../_wire/request.ts';
import {CONCURRENCY, chargedService, keyVariableFor, openConnection, standInFor} from '../_wire/service.ts';
import {type AnswerSequences, answerSequences, type ExactReply, exactReceipt, READER, readExact} from './answers.ts';
import {type TokenTrie, tokenTrie} from './label-trie.ts';
import {type ExactServer, type Post, Refused, Tally} from './server.ts';

/** A kind of server that can score answers exactly. */
interface ExactDialect {
  /** The adapter's name. */
  readonly adapter: string;
  /** The default address of this kind of server. */
  readonly own: string;
  /** The user's address. */
  readonly address: string;
  readonly endsTurn: boolean;
  /** Everything but the prompt that can change an answer. */
  readonly identity: Readonly<Record<string, Json>>;
  open(post: Post, connection: Connection): ExactServer;
  readonly refusalAdvice: RefusalAdvice;
  /** Advice if the server did not give all that it was asked for. */
  readonly advice: string;
}

/**
 * A language model behind a server that gives the log-probability of any token after any tokens. Each class gets the
 * exact probability that the model answers its code. The tokens of the codes are asked for once, before the first
 * query.
 *
 * @throws InputError if the options can't be used
 */
export function exactTeacher(options: ChatOptions, dialect: ExactDialect): Teacher<'gray-box'> {
  const {model, classes, concurrency = CONCURRENCY} = options;
  const {adapter, own, endsTurn, refusalAdvice, advice} = dialect;
  const address = checkAddress(dialect.address);
  const service = standInFor(options, address);
  const name = `${adapter} ${model} at ${service}`;
  const prompts = promptsFor(options, 'letters');
  const keyVariable = keyVariableFor(address, {own, variable: 'LIMBECK_TEACHER_KEY'});
  const connection = openConnection({...options, concurrency}, {name, keyVariable, address});
  const post = poster(connection, address);
  const server = dialect.open(post, connection);
  const unbounded = unboundedBy(COMPLETIONS_COST, {body: server.shared, parameters: options.parameters, model});
  let nodes: number | undefined;
  const answers = once(async () => {
    const sequences = await refusable(answerSequences(server, prompts, endsTurn), connection, refusalAdvice);
    const trie = tokenTrie(sequences);
    nodes = trie.nodes.length;
    return {sequences, trie};
  });
  const read = (reply: Reply): ReadOutcome<'gray-box'> => {
    const answer = readExact(parseJson(name, reply), classes.length, advice);
    return typeof answer === 'string' ? {error: new TeacherError(name, answer, {status: 200})} : {answer};
  };
  const worstCase = (queries: readonly Query[]) =>
    mostTokens(queries, {prompts, nodes, shared: server.shared, dialect});
  const askReady = askEach({
    ...{connection, takes: ['text', 'record'], read, refusalAdvice},
    send: async (input, sample, signal) =>
      score({name, server, prompts, worstCase, ...(await answers())}, {text: textOf(input), sample, signal}),
  });
  const {system = null, user} = prompts.template;
  return {
    name,
    identity: {
      adapter,
      service,
      model,
      prompt: {system, user},
      codes: prompts.codes,
      ...(prompts.rotates && {rotates: true}),
      endsTurn,
      ...dialect.identity,
      ...headersInIdentity(options),
    },
    access: 'gray-box',
    classes,
    detail: {kind: 'top-k', k: classes.length},
    maxBatch: 1,
    concurrency,
    service: chargedService(
      options,
      {address, connection},
      {
        reader: {codes: prompts.codes, reading: READER},
        read: (reply, count) => Array.from({length: count}, () => read(reply)),
        refusal: (reply, inputs) => statusError(connection, reply, {advice: refusalAdvice, inputs}),
        receipt: receiptOf,
        worstCase,
        ...(unbounded && {unbounded}),
      },
    ),
    async ask(queries, askOptions = {}) {
      // Not part of the exchange, because it belongs to no query.
      await untilAborted(answers(), askOptions.signal);
      return askReady(queries, askOptions);
    },
  };
}

function poster(connection: Connection, address: string): Post {
  return async (path, body, signal) => {
    const reply = await postJson(connection, new URL(`${address}${path}`), body, {signal});
    if (reply.status !== 200) throw new Refused(reply);
    return parseJson(connection.name, reply);
  };
}

async function refusable<T>(work: Promise<T>, connection: Connection, advice: RefusalAdvice): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Refused ? statusError(connection, error.reply, {advice}) : error;
  }
}

interface Scoring {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly server: ExactServer;
  readonly prompts: Prompts;
  readonly sequences: AnswerSequences;
  readonly trie: TokenTrie;
  worstCase(queries: readonly Query[]): Usage;
}

interface Asked {
  readonly text: string;
  readonly sample: number;
  readonly signal: AbortSignal | undefined;
}

/** Sends all requests about one query, and merges their replies into one. */
async function score(
  {name, server, prompts, sequences, trie, worstCase}: Scoring,
  {text, sample, signal}: Asked,
): Promise<Reply> {
  const tally = new Tally();
  try {
    const prompt = await server.promptTokens(about => prompts.for(about, sample), text, signal);
    const {told, model, fingerprint} = await server.tell({prompt, trie, tally}, signal);
    const usage = tally.total;
    const reply: ExactReply = {
      ...(model && {model}),
      ...(fingerprint && {fingerprint}),
      ...(usage && {usage}),
      sequences,
      told,
    };
    return new WholeReply(200, {'content-type': 'application/json'}, JSON.stringify(reply));
  } catch (error) {
    if (tally.isEmpty) return refusalIn(error);
    if (error instanceof TeacherError && !error.inDoubt && !error.unreadable) {
      const problem = 'It could not be reached for all of the requests about one input.';
      throw new TeacherError(name, problem, {cause: error, retryable: error.retryable, inDoubt: true});
    }
    return {...refusalIn(error), used: tally.total ?? worstCase([{input: {kind: 'text', text}, sample}])};
  }
}

/** @throws the error itself if it is no refusal */
function refusalIn(error: unknown): Reply {
  if (error instanceof Refused) return error.reply;
  throw error;
}

function receiptOf(reply: Reply): ReturnType<typeof exactReceipt> {
  try {
    return exactReceipt(parseJson('', reply));
  } catch {
    return {};
  }
}

interface Requests {
  readonly prompts: Prompts;
  /** The number of nodes, when it is known. */
  readonly nodes: number | undefined;
  /** See `ExactServer`. */
  readonly shared: Body;
  readonly dialect: ExactDialect;
}

/** A token is at least one byte, so an answer has no more tokens than bytes. A node is asked about at most twice. */
function mostTokens(queries: readonly Query[], {prompts: {template, codes}, nodes, shared, dialect}: Requests): Usage {
  const bytes = codes.map(code => Buffer.byteLength(code) + 1);
  const prompts = 2 * (nodes ?? 1 + 2 * bytes.reduce((sum, length) => sum + length, 0));
  // The chat template can put the user's own values into the prompt.
  const around = Buffer.byteLength(JSON.stringify([template, dialect.identity])) + Math.max(...bytes);
  const texts = queries.map(({input}) => Buffer.byteLength(textOf(input) ?? ''));
  const inputTokens = texts.reduce((sum, length) => sum + (around + length) * prompts, 0);
  return {inputTokens, outputTokens: prompts * queries.length * mostOutput(COMPLETIONS_COST, shared)};
}
