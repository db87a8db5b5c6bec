import {TeacherError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import {kinds, type Shape} from '../../src/options.ts';
import {withWait} from '../../src/pace/service-limits.ts';
import type {Access, AskOptions, Input, Json, Outcome, Query, ReadOutcome, Reply, Teacher} from '../../src/teacher.ts';
import {type Aliases, aliasIndex} from '../_answers/labels.ts';
import {headersInIdentity} from '../_wire/headers.ts';
import {type RefusalAdvice, statusError} from '../_wire/refusal.ts';
import {type Connection, postJson} from '../_wire/request.ts';
import {CONCURRENCY, chargedService, openModel, SERVICE_KINDS, type ServiceOptions} from '../_wire/service.ts';
import {chatProbe, holdsLabel, type OtherWays} from './chat-probe.ts';
import {fillsPromptCache, isObject, leastTokens, mostTokens, totalBound, totalUsage, unboundedBy} from './cost.ts';
import type {Body, ChatWords, Completion, Dialect, Settings} from './dialect.ts';
import {PACK_KINDS, type PackOptions} from './pack.ts';
import {parseLabel, plain} from './projection-text.ts';
import {PROMPT_KINDS, type Prompt, type PromptedInput, type PromptOptions, type Prompts, promptsFor} from './prompt.ts';
import {noteOn, readReply, receiptOf} from './reading.ts';

/** Options of every adapter that asks a language model behind a service. */
export interface ChatOptions extends ServiceOptions, PromptOptions, PackOptions {
  /** The service's name of the model. */
  readonly model: string;
  /**
   * The name that replaces the address in the identity, so that a service that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  /**
   * The most tokens that the model can generate for a request, including its thoughts.
   *
   * @default a few more than the longest answer needs
   */
  readonly maxTokens?: number;
  /**
   * The most tokens that one image is charged as, which budgets and plans need. It depends on the model.
   *
   * @default unknown
   */
  readonly imageTokens?: number;
  /**
   * More fields of the request's body. Objects are merged with the adapter's own. A null removes a field. Under a
   * budget of money or tokens, only fields with a known cost are allowed; see `cost.ts`.
   *
   * @default none
   */
  readonly parameters?: Body;
}

/** The kinds of `ChatOptions`. */
export const CHAT_KINDS: Shape<ChatOptions> = {
  ...SERVICE_KINDS,
  ...PROMPT_KINDS,
  ...PACK_KINDS,
  model: kinds.text,
  service: kinds.text,
  maxTokens: kinds.number,
  imageTokens: kinds.number,
  parameters: kinds.object,
};

/**
 * A language model as a teacher. It sends one request per input, so that a refused one fails alone.
 *
 * @param ways - other ways to ask the same, for a probe
 * @throws InputError if the options can't be used
 */
export function chatTeacher<A extends Access>(
  options: ChatOptions,
  dialect: Dialect<A>,
  ways: OtherWays<A> = {},
): Teacher<A> {
  const prompts = promptsFor(options, dialect.way);
  const {address, service, name, connection, url, models} = openModel(options, dialect);
  const {adapter, headers, path, access, detail} = dialect;
  const settings = settingsFor(options, dialect, prompts);
  const bodyOf = (prompt: Prompt) => withParameters(dialect.body(prompt, settings), options.parameters);
  const template = bodyOf(prompts.template);
  const words = wordsOf(prompts, dialect.aliases);
  const reader = {name, dialect, words};
  const promptAbout = ({input, sample = 0}: Query) =>
    input.kind === 'tensor' ? prompts.template : prompts.about(input, sample);
  const worstCaseOf = (query: Query) => {
    const prompt = promptAbout(query);
    return mostTokens(dialect.cost, bodyOf(prompt), prompt.image, options.imageTokens);
  };
  const unbounded = unboundedBy(dialect.cost, {body: template, parameters: options.parameters, model: options.model});
  const isHeld = ({text}: Completion) => holdsLabel(text, prompts.codes);
  const {warmed} = dialect;
  const atTemperature = (temperature: number) =>
    chatTeacher({...options, parameters: withParameters(options.parameters ?? {}, warmed?.(temperature))}, dialect);
  const lane = dialect.lane?.({
    ...{connection, address, path, headers, refusalAdvice: dialect.refusalAdvice},
    bodyOf: query => bodyOf(promptAbout(query)),
  });
  const send: Asker<A>['send'] = (input, sample, signal) =>
    postJson(connection, url, bodyOf(prompts.about(input, sample)), {signal, ...(headers && {headers})});
  return {
    name,
    identity: {
      adapter,
      service,
      path,
      ...headersInIdentity(options, headers),
      // The whole request but its text, so that nothing that can change an answer is forgotten.
      request: template,
      ...(prompts.rotates && {rotates: true}),
    },
    access,
    classes: options.classes,
    detail,
    maxBatch: 1,
    concurrency: options.concurrency ?? CONCURRENCY,
    service: chargedService<A>(
      options,
      {address, connection, models},
      {
        reader: {codes: prompts.codes, reading: dialect.reader},
        read: (reply, count) => readReply(reply, count, reader),
        labelOf: text => parseLabel(text, {lists: [prompts.codes, prompts.classes], aliased: words.aliased}),
        refusal: (reply, inputs) => statusError(connection, reply, {advice: dialect.refusalAdvice, inputs}),
        receipt: reply => receiptOf(reply, dialect),
        worstCase: queries => totalBound(queries.map(worstCaseOf)),
        leastCase: queries => totalUsage(queries.map(query => leastTokens(promptAbout(query)))),
        ...(unbounded && {unbounded}),
        fillsPromptCache: fillsPromptCache(template),
        ...(dialect.note && {note: reply => noteOn(reply, reader)}),
        probe: chatProbe({dialect, settings, isHeld, ...ways, ...(warmed && {atTemperature})}),
        ...(lane && {lane}),
      },
    ),
    ask: askEach<A, PromptedInput['kind']>({
      connection,
      takes: ['text', 'image', 'record'],
      send,
      read: reply => readReply(reply, 1, reader)[0]!,
      refusalAdvice: dialect.refusalAdvice,
    }),
  };
}

function settingsFor<A extends Access>(
  {model, maxTokens}: ChatOptions,
  {spareTokens, schema}: Dialect<A>,
  {codes}: Prompts,
): Settings {
  // A token is at least one byte.
  const longest = Math.max(...codes.map(code => Buffer.byteLength(code)));
  return {model, codes, schema: schema?.(codes), maxTokens: maxTokens ?? longest + spareTokens};
}

/** Returns the body merged with the user's fields: objects are merged, and a null removes a field. */
export function withParameters(body: Body, parameters: Body = {}): Body {
  const merged: Record<string, Json> = {...body};
  for (const [field, value] of Object.entries(parameters)) {
    const own = merged[field];
    if (value === null) delete merged[field];
    else merged[field] = isObject(own) && isObject(value) ? withParameters(own, value) : value;
  }
  return merged;
}

/** @throws InputError if an alias can't be used */
export function wordsOf({classes, codes}: Prompts, aliases: Aliases | undefined): ChatWords {
  const aliased = aliasIndex({classes, labels: codes, aliases}, plain);
  return {classes, codes, aliases, aliased};
}

/** A service that answers about one input per `send`. */
interface Asker<A extends Access, K extends PromptedInput['kind'] = PromptedInput['kind']> {
  readonly connection: Connection;
  /** The kinds of inputs that it takes. */
  readonly takes: readonly K[];
  readonly send: (input: Input & {readonly kind: K}, sample: number, signal?: AbortSignal) => Promise<Reply>;
  readonly read: (reply: Reply) => ReadOutcome<A>;
  readonly refusalAdvice?: RefusalAdvice | undefined;
}

/** Asks about inputs one by one, so that a refused one fails alone. */
export function askEach<A extends Access, K extends PromptedInput['kind']>({
  connection,
  takes,
  send,
  read,
  refusalAdvice: advice,
}: Asker<A, K>): Teacher<A>['ask'] {
  const {name} = connection;
  const isTaken = (input: Input): input is Input & {readonly kind: K} => takes.some(kind => kind === input.kind);
  const askOne = async (
    {input, sample = 0}: Query,
    row: number,
    {exchange = (_, send) => send(), signal}: AskOptions,
  ): Promise<Outcome<A>> => {
    if (!isTaken(input)) return {error: new TeacherError(name, kindProblem(takes, input))};
    const reply = await exchange([row], async () => withWait(await send(input, sample, signal)));
    if (reply.status === 200) return read(reply);
    const error = statusError(connection, reply, {advice, inputs: [input]});
    if (error.refusal) return {error};
    throw error;
  };
  return async (queries, options = {}) => {
    options.signal?.throwIfAborted();
    return Promise.all(queries.map((query, row) => askOne(query, row, options)));
  };
}

/** What to do if a language model's service refuses a field of the request, by what its words mention. */
export const CHAT_HINTS: readonly (readonly [RegExp, string])[] = [
  [/temperature/i, 'Set `temperature: null`.'],
  [/log_?probs?|log[- ]probabilities/i, "Lower `topLogprobs`, or read labels alone: `output: 'label'`."],
  [/response_format|json_?schema|schema|structured|grammar|guided/i, 'Set `structured: false`.'],
  [/max_(completion_|output_)?tokens/i, 'Set the field of the limit by `parameters`, and the limit as `maxTokens`.'],
  [/chat template|system (role|message|prompt)|roles must alternate/i, 'Give the whole `prompt` as `user`.'],
  [
    /unsupported (parameter|value)|unrecognized|unknown (field|parameter|name)|extra (inputs|fields)|not permitted/i,
    'Set that field to null in `parameters`.',
  ],
];

/** The same hints, with one for every other field. */
export const ALL_HINTS: typeof CHAT_HINTS = [
  ...CHAT_HINTS,
  [/./, 'Fields of the request can be changed or left out by `parameters`.'],
];
