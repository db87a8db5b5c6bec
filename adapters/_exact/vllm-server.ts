import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Json} from '../../src/teacher.ts';
import {withParameters} from '../_chat/chat.ts';
import type {Body} from '../_chat/dialect.ts';
import {chatMessages} from '../_chat/openai-chat.ts';
import {tokenCount} from '../_wire/usage.ts';
import type {TokenTrie} from './label-trie.ts';
import {type ExactServer, isWhole, type Post, plainly, type Telling, type TokenQuery, toldOf} from './server.ts';

interface VllmModel {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly model: string;
  readonly template: 'chat' | 'none';
  readonly templateOptions: Body;
  /** Fields of the requests for log-probabilities. */
  readonly parameters: Body | undefined;
}

const tokenized = z.object({tokens: z.array(z.number().int())});

/** vLLM's tokenizer and its completions of tokens. */
export function vllmServer(post: Post, {name, model, template, templateOptions, parameters}: VllmModel): ExactServer {
  const tokenize = async (body: Body, signal?: AbortSignal): Promise<readonly number[]> => {
    const {data} = tokenized.safeParse(await post('/tokenize', {model, ...body}, signal));
    if (data !== undefined) return data.tokens;
    throw new TeacherError(name, 'Its `/tokenize` gives no tokens. Check that `url` is that of vLLM itself.');
  };
  const chatTokens = (messages: readonly Json[], isOpen: boolean, signal?: AbortSignal) =>
    tokenize({messages, add_generation_prompt: isOpen, chat_template_kwargs: templateOptions}, signal);
  // One pass, without the repetition penalty of the model's generation config.
  const single = {model, max_tokens: 1, temperature: 0, repetition_penalty: 1};
  const bodyOf = (fields: Body) => withParameters({...single, ...fields}, parameters);
  let knowsTokenIds = true;
  return {
    shared: bodyOf({}),
    tokensOf: text => tokenize({prompt: text, add_special_tokens: false}),
    promptTokens(promptFor, text, signal) {
      const prompt = promptFor(text);
      if (template === 'chat') return chatTokens(chatMessages(prompt), true, signal);
      return tokenize({prompt: plainly(prompt), add_special_tokens: true}, signal);
    },
    answeredTokens(prompt, answer) {
      const messages = chatMessages(prompt);
      return chatTokens([...messages, {role: 'assistant', content: answer}, messages.at(-1)!], false);
    },
    otherEnds: async () => [],
    async tell(asked, signal) {
      const query = {...asked, bodyOf};
      if (knowsTokenIds) {
        const telling = await tellAfterNodes(post, query, signal);
        if (isWhole(telling, asked.trie)) return telling;
        knowsTokenIds = false;
      }
      return tellAlongWays(post, query, signal);
    },
  };
}

/** A query: the model, the prompt and the nodes. */
interface VllmQuery extends TokenQuery {
  /** Adds the common fields of a body to those of one request. */
  bodyOf(fields: Body): Body;
}

/** The most tokens that vLLM scores in one request, and the most prompts that one request holds. */
const MOST = {tokens: 128, prompts: 1024};

/**
 * Returns the log-probabilities of the wanted tokens, each after its node. One token is generated after each node. A
 * vLLM that does not know `logprob_token_ids` gives only that of the generated token.
 */
async function tellAfterNodes(
  post: Post,
  {prompt, trie, tally, bodyOf}: VllmQuery,
  signal?: AbortSignal,
): Promise<Telling> {
  const requests = requestsFor(trie);
  const replies = await allEnded(
    requests.map(({nodes, tokens}) => {
      const prompts = nodes.map(index => [...prompt, ...trie.nodes[index]!.prefix]);
      const asked = {logprobs: 0, logprob_token_ids: tokens, return_tokens_as_token_ids: true};
      return complete({post, tally}, bodyOf({prompt: prompts, ...asked}), signal);
    }),
  );
  const found = trie.nodes.map((): Found => []);
  for (const [index, {choices}] of replies.entries()) {
    for (const choice of choices) {
      const position = requests[index]!.nodes[choice.index];
      if (position !== undefined) found[position]!.push(...namedTokens(choice.logprobs?.top_logprobs[0] ?? {}));
    }
  }
  return tellingOf(trie, found, replies);
}

/**
 * Returns the same from a prompt's log-probabilities: all ways to answer are sent as prompts. Every vLLM gives those,
 * but it computes and sends the whole prompt once per way.
 */
async function tellAlongWays(
  post: Post,
  {prompt, trie, tally, bodyOf}: VllmQuery,
  signal?: AbortSignal,
): Promise<Telling> {
  const ways = trie.sequences.flat();
  const parts = Array.from({length: Math.ceil(ways.length / MOST.prompts)}, (_, part) =>
    ways.slice(part * MOST.prompts, (part + 1) * MOST.prompts),
  );
  const replies = await allEnded(
    parts.map(part => {
      const prompts = part.map(way => [...prompt, ...way.map(({token}) => token)]);
      return complete({post, tally}, bodyOf({prompt: prompts, prompt_logprobs: 1}), signal);
    }),
  );
  const found = trie.nodes.map((): Found => []);
  for (const [index, {choices}] of replies.entries()) {
    for (const choice of choices) {
      const way = parts[index]![choice.index] ?? [];
      const told = choice.prompt_logprobs ?? [];
      if (told.length !== prompt.length + way.length) continue;
      for (const [step, {node}] of way.entries())
        found[node]!.push(...numberedTokens(told[prompt.length + step] ?? {}));
    }
  }
  return tellingOf(trie, found, replies);
}

/** One request: the log-probabilities of all these tokens after each of these nodes. */
interface Request {
  readonly nodes: readonly number[];
  readonly tokens: readonly number[];
}

const planned = new WeakMap<TokenTrie, readonly Request[]>();

/** Packs nodes into as few requests as the limits allow, each into the first that has room for its tokens. */
function requestsFor(trie: TokenTrie): readonly Request[] {
  const known = planned.get(trie);
  if (known !== undefined) return known;
  const open: {readonly nodes: number[]; readonly tokens: Set<number>}[] = [];
  for (const [index, {children}] of trie.nodes.entries()) {
    for (let start = 0; start < children.length; start += MOST.tokens) {
      const part = children.slice(start, start + MOST.tokens);
      const hasRoom = ({nodes, tokens}: (typeof open)[number]) =>
        nodes.length < MOST.prompts && new Set([...tokens, ...part]).size <= MOST.tokens;
      const request = open.find(hasRoom) ?? {nodes: [], tokens: new Set<number>()};
      if (request.nodes.length === 0) open.push(request);
      request.nodes.push(index);
      for (const token of part) request.tokens.add(token);
    }
  }
  const requests = open.map(({nodes, tokens}) => ({nodes, tokens: [...tokens]}));
  planned.set(trie, requests);
  return requests;
}

const told = z.record(z.string(), z.number().nullable());

const replySchema = z.object({
  model: z.string().nullish().catch(undefined),
  system_fingerprint: z.string().nullish().catch(undefined),
  usage: z.object({prompt_tokens: tokenCount, completion_tokens: tokenCount}).nullish().catch(undefined),
  choices: z
    .array(
      z.object({
        index: z.number().int(),
        logprobs: z.object({top_logprobs: z.array(told.nullable())}).nullish(),
        prompt_logprobs: z.array(z.record(z.string(), z.object({logprob: z.number().nullable()})).nullable()).nullish(),
      }),
    )
    .catch([]),
});

type Completed = z.infer<typeof replySchema>;

interface Sender extends Pick<TokenQuery, 'tally'> {
  readonly post: Post;
}

async function complete({post, tally}: Sender, body: Body, signal: AbortSignal | undefined): Promise<Completed> {
  const completed = replySchema.safeParse(await post('/v1/completions', body, signal)).data ?? {choices: []};
  const {usage} = completed;
  tally.add({inputTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens});
  return completed;
}

/** Like `Promise.all`, but a failure waits until all others have ended, so that their usage is known. */
async function allEnded<T>(requests: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(requests);
  return Promise.all(requests);
}

/** Tokens with their given log-probability. A token can appear twice. */
type Found = (readonly [token: number, logProbability: number])[];

/** Reads keys such as `token_id:282`. */
function namedTokens(logprobs: Readonly<Record<string, number | null>>): Found {
  return Object.entries(logprobs).flatMap(([name, logProbability]): Found => {
    const [, id] = /^token_id:(\d+)$/.exec(name) ?? [];
    return id === undefined || logProbability === null ? [] : [[Number(id), logProbability]];
  });
}

function numberedTokens(logprobs: Readonly<Record<string, {readonly logprob: number | null}>>): Found {
  return Object.entries(logprobs).flatMap(
    ([id, {logprob}]): Found => (logprob === null ? [] : [[Number(id), logprob]]),
  );
}

function tellingOf(trie: TokenTrie, found: readonly Found[], replies: readonly Completed[]): Telling {
  return {
    told: trie.nodes.map(({children}, index) => toldOf(found[index]!, children)),
    model: replies[0]?.model ?? undefined,
    fingerprint: replies[0]?.system_fingerprint ?? undefined,
  };
}
