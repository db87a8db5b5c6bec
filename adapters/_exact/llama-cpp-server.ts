import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Json} from '../../src/teacher.ts';
import {withParameters} from '../_chat/chat.ts';
import type {Body} from '../_chat/dialect.ts';
import {chatMessages} from '../_chat/openai-chat.ts';
import {parseJson} from '../_wire/reply.ts';
import {type Connection, getJson} from '../_wire/request.ts';
import {tokenCount} from '../_wire/usage.ts';
import {type ExactServer, type Post, plainly, Refused, type Telling, type TokenQuery, toldOf} from './server.ts';

interface LlamaCppModel {
  readonly connection: Connection;
  /** Address of the server, without a trailing slash. */
  readonly address: string;
  readonly model: string;
  readonly template: 'chat' | 'none';
  readonly templateOptions: Body;
  readonly reusePrompts: boolean;
  /** Fields of the requests for log-probabilities. */
  readonly parameters: Body | undefined;
}

const tokenized = z.object({tokens: z.array(z.number().int())});
const applied = z.object({prompt: z.string()});
const properties = z.object({eos_token: z.string().nullish().catch(undefined)});

/** A llama-server's tokenizer and its completions of tokens. */
export function llamaCppServer(post: Post, asked: LlamaCppModel): ExactServer {
  const {connection, address, model, template, templateOptions} = asked;
  const parsed = async <T>(schema: z.ZodType<T>, path: string, body: Body, signal?: AbortSignal): Promise<T> => {
    const {data} = schema.safeParse(await post(path, {model, ...body}, signal));
    if (data !== undefined) return data;
    const problem = `Its \`${path}\` gives something else. Check that \`url\` is that of a llama-server.`;
    throw new TeacherError(connection.name, problem);
  };
  const tokenize = async (content: string, options: TokenizeOptions = {}, signal?: AbortSignal) => {
    const {isStart = false, readsSpecial = false} = options;
    const body = {content, add_special: isStart, parse_special: readsSpecial};
    return (await parsed(tokenized, '/tokenize', body, signal)).tokens;
  };
  const rendered = async (messages: readonly Json[], signal?: AbortSignal): Promise<string> =>
    (await parsed(applied, '/apply-template', {messages, chat_template_kwargs: templateOptions}, signal)).prompt;
  return {
    shared: bodyFor(asked, [], {}),
    tokensOf: text => tokenize(text),
    async promptTokens(promptFor, text, signal) {
      if (template === 'none') return tokenize(plainly(promptFor(text)), {isStart: true}, signal);
      return chatTokens(text, {
        render: about => rendered(chatMessages(promptFor(about)), signal),
        tokenize: (part, options) => tokenize(part, options, signal),
      });
    },
    async answeredTokens(prompt, answer) {
      const messages = chatMessages(prompt);
      const whole = await rendered([...messages, {role: 'assistant', content: answer}, messages.at(-1)!]);
      return tokenize(whole, {isStart: true, readsSpecial: true});
    },
    async otherEnds() {
      const reply = await getJson(connection, new URL(`${address}/props`));
      if (reply.status !== 200) throw new Refused(reply);
      const end = properties.safeParse(parseJson(connection.name, reply)).data?.eos_token;
      const tokens = end ? await tokenize(end, {readsSpecial: true}) : [];
      return tokens.length === 1 ? tokens : [];
    },
    tell: (query, signal) => tell({...query, post, asked}, signal),
  };
}

interface TokenizeOptions {
  /** True if the model's first token comes before it. */
  readonly isStart?: boolean;
  /** True if names of special tokens are read as those tokens. */
  readonly readsSpecial?: boolean;
}

/** Special tokens have names such as `<s>`, `<|im_end|>` or `[INST]`. */
const MAY_BE_SPECIAL = /[<[]/;

interface ChatParts {
  /** Renders the whole prompt about a text. */
  readonly render: (text: string) => Promise<string>;
  readonly tokenize: (part: string, options: TokenizeOptions) => Promise<readonly number[]>;
}

/**
 * Reads a text as plain letters, because it must not end its own message. If the template changes the text, it is read
 * as the server's own chat reads it.
 */
async function chatTokens(text: string, {render, tokenize}: ChatParts): Promise<readonly number[]> {
  const whole = await render(text);
  const location = (await isSpecial(text, tokenize)) ? locationOf(text, whole, await render(STAND_IN)) : undefined;
  if (location === undefined) return tokenize(whole, {isStart: true, readsSpecial: true});
  const parts = [
    await tokenize(whole.slice(0, location.start), {isStart: true, readsSpecial: true}),
    await tokenize(whole.slice(location.start, location.end), {}),
    await tokenize(whole.slice(location.end), {readsSpecial: true}),
  ];
  return parts.flat();
}

async function isSpecial(text: string, tokenize: ChatParts['tokenize']): Promise<boolean> {
  if (!MAY_BE_SPECIAL.test(text)) return false;
  const [asLetters, asNames] = [await tokenize(text, {}), await tokenize(text, {readsSpecial: true})];
  return asLetters.join() !== asNames.join();
}

/** A text that holds nothing special, and that no name of a special token begins with. */
const STAND_IN = 'x';

/** Finds a text in a prompt by comparing the prompt of another text; undefined if that is not clear. */
function locationOf(
  text: string,
  whole: string,
  other: string,
): {readonly start: number; readonly end: number} | undefined {
  // Most templates trim the text.
  for (const said of [text, text.trim()]) {
    for (let start = other.indexOf(STAND_IN); start >= 0; start = other.indexOf(STAND_IN, start + 1)) {
      const made = `${other.slice(0, start)}${said}${other.slice(start + STAND_IN.length)}`;
      if (made === whole) return {start, end: start + said.length};
    }
  }
  return undefined;
}

/**
 * The number of most probable tokens that are listed, after the prompt and within an answer. A needed token that is not
 * among them is asked for separately.
 */
const LISTED = {first: 200, later: 20};

/** Larger than the difference between any two logits. */
const CERTAIN = 10_000;

const completion = z.object({
  index: z.number().int().catch(0),
  id_slot: z.number().int().optional().catch(undefined),
  model: z.string().nullish().catch(undefined),
  tokens_evaluated: tokenCount.optional().catch(undefined),
  tokens_predicted: tokenCount.optional().catch(undefined),
  completion_probabilities: z
    .array(
      z.object({
        id: z.number().int(),
        logprob: z.number().nullish(),
        top_logprobs: z.array(z.object({id: z.number().int(), logprob: z.number().nullable()})).nullish(),
      }),
    )
    .nullish(),
});

type Completed = z.infer<typeof completion>;

interface Asking extends TokenQuery {
  readonly post: Post;
  readonly asked: LlamaCppModel;
}

/**
 * Computes the prompt first, and continues from it at every node. The tokens that are computed in one batch then depend
 * only on the query, provided that nothing else takes the slot in between.
 */
async function tell({post, asked, prompt, trie, tally}: Asking, signal?: AbortSignal): Promise<Telling> {
  const complete = async (indices: readonly number[], fields: Body): Promise<readonly Completed[]> => {
    const prompts = indices.map(index => [...prompt, ...trie.nodes[index]!.prefix]);
    const document = await post('/completion', bodyFor(asked, prompts, fields), signal);
    // For a single prompt the reply is not a list.
    const replies = [document].flat().flatMap(part => completion.safeParse(part).data ?? []);
    for (const {tokens_evaluated: inputTokens, tokens_predicted: outputTokens} of replies) {
      tally.add({inputTokens, outputTokens});
    }
    return replies;
  };
  const [root] = await complete([0], {n_probs: LISTED.first, cache_prompt: asked.reusePrompts});
  const goingOn = {cache_prompt: true, ...(root?.id_slot !== undefined && {id_slot: root.id_slot})};
  const inner = [...trie.nodes.keys()].slice(1);
  const others = inner.length > 0 ? await complete(inner, {n_probs: LISTED.later, ...goingOn}) : [];
  const told = trie.nodes.map(({children}, position) => {
    const found = position === 0 ? root : others.find(({index}) => index === position - 1);
    return {...toldOf(found ? tokensIn(found) : [], children)};
  });
  for (const [position, {children}] of trie.nodes.entries()) {
    for (const token of children.filter(child => told[position]![child] === undefined)) {
      // With a bias the token is chosen, and the chosen token's log-probability is given without the bias.
      const [forced] = await complete([position], {n_probs: 1, logit_bias: [[token, CERTAIN]], ...goingOn});
      Object.assign(told[position]!, toldOf(forced ? tokensIn(forced) : [], [token]));
    }
  }
  return {told, model: root?.model ?? undefined};
}

function bodyFor({model, parameters}: LlamaCppModel, prompts: readonly (readonly number[])[], fields: Body): Body {
  const body = {
    model,
    prompt: prompts,
    n_predict: 1,
    temperature: 0,
    post_sampling_probs: false,
    response_fields: ['index', 'id_slot', 'model', 'tokens_evaluated', 'tokens_predicted', 'completion_probabilities'],
    ...fields,
  };
  return withParameters(body, parameters);
}

/** Reads tokens by id, because several tokens share a text. The chosen one can be missing from the list. */
function tokensIn({completion_probabilities: steps}: Completed): [number, number][] {
  const [step] = steps ?? [];
  if (step === undefined) return [];
  const tokens = [...(step.top_logprobs ?? []), step];
  return tokens.flatMap(({id, logprob}): [number, number][] => (typeof logprob === 'number' ? [[id, logprob]] : []));
}
