import {once} from 'node:events';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import {json} from 'node:stream/consumers';
import {z} from 'zod';

/** A classifier's answer about a text: the index of a class, or the natural log-probabilities of all classes. */
export type Said = number | readonly number[];

export interface ChatServiceOptions {
  /** Port on this machine. */
  readonly port: number;
  /** The name of its model. */
  readonly model: string;
  /** Its answer for each class. */
  readonly answers: readonly string[];
  readonly classify: (text: string) => Said | Promise<Said>;
}

export interface ChatService {
  /** Accepts no further requests and ends. */
  close(): Promise<void>;
}

/**
 * Stands in for a hosted language model. It speaks OpenAI's chat protocol, and answers the user's last message with the
 * class of a classifier on this machine, and with its log-probabilities if the classifier gives them.
 */
export async function serveChat(options: ChatServiceOptions): Promise<ChatService> {
  const server = createServer((request, response) => {
    respond(options, request).then(
      reply => send(response, 200, reply),
      (error: Error) => send(response, 400, {error: {message: error.message, type: 'invalid_request_error'}}),
    );
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The address of a service on this machine. */
export function addressOf(port: number): string {
  return `http://127.0.0.1:${port}/v1`;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body));
}

const chatRequest = z.object({
  messages: z.array(z.object({role: z.string(), content: z.string()})).min(1),
  logprobs: z.boolean().default(false),
  top_logprobs: z.number().int().min(0).max(20).default(0),
  response_format: z.object({type: z.literal('json_schema')}).optional(),
});

async function respond({model, answers, classify}: ChatServiceOptions, request: IncomingMessage): Promise<object> {
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') throw new Error('There is nothing here.');
  const asked = chatRequest.parse(await json(request));
  const said = await classify(asked.messages.findLast(({role}) => role === 'user')?.content ?? '');
  const tokens = typeof said === 'number' ? [] : tokensOf(said, answers);
  const label = typeof said === 'number' ? answers[said]! : tokens[0]!.token;
  const content = asked.response_format ? JSON.stringify({label}) : label;
  const [step] = tokens;
  const steps = step && asked.logprobs && {content: [{...step, top_logprobs: tokens.slice(0, asked.top_logprobs)}]};
  const message = {role: 'assistant', content, refusal: null};
  const promptTokens = Math.ceil(asked.messages.reduce((sum, {content}) => sum + content.length, 0) / 4);
  return {
    id: 'chatcmpl-0',
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{index: 0, finish_reason: 'stop', message, logprobs: steps ?? null}],
    usage: {prompt_tokens: promptTokens, completion_tokens: 1, total_tokens: promptTokens + 1},
  };
}

interface SentToken {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** The answers as tokens, the most probable first. */
function tokensOf(logProbabilities: readonly number[], answers: readonly string[]): readonly SentToken[] {
  return logProbabilities
    .map((logprob, index) => ({token: answers[index]!, logprob, bytes: [...Buffer.from(answers[index]!)]}))
    .sort((a, b) => b.logprob - a.logprob);
}
