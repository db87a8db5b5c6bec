import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Json} from '../../src/teacher.ts';
import {withParameters} from '../_chat/chat.ts';
import type {Body} from '../_chat/dialect.ts';
import {chatMessages} from '../_chat/openai-chat.ts';
import type {Prompt} from '../_chat/prompt.ts';
import {type ExactServer, isWhole, type Post} from './server.ts';
import {tellAfterNodes, tellAlongWays} from './vllm-completions.ts';

export interface VllmModel {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly model: string;
  readonly template: 'chat' | 'none';
  readonly templateOptions: Body;
  /** Of the requests for log-probabilities. */
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
  // One pass, and the repetition penalty not that of the model's generation config.
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
      const question = {...asked, bodyOf};
      if (knowsTokenIds) {
        const telling = await tellAfterNodes(post, question, signal);
        if (isWhole(telling, asked.trie)) return telling;
        knowsTokenIds = false;
      }
      return tellAlongWays(post, question, signal);
    },
  };
}

function plainly({system, user}: Prompt): string {
  return system === undefined ? user : `${system}\n\n${user}`;
}
