import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as readText} from 'node:stream/consumers';

/** A prompt as the service sees it. */
export interface SeenPrompt {
  readonly prompt: string;
  readonly label: string;
  /** How many texts are asked for. */
  readonly count: number;
  /** Number of earlier requests. */
  readonly before: number;
}

export interface WritingService {
  readonly url: string;
  /** All prompts, in the order of their requests. */
  readonly prompts: readonly string[];
  close(): Promise<void>;
}

/** What the model says; undefined to never reply. */
export type Saying = (seen: SeenPrompt) => string | undefined;

/** Texts of words that no other prompt has: each is `label` and some numbers. */
export const differentTexts: Saying = ({label, count, prompt}) => {
  let state = [...prompt].reduce((sum, sign) => (Math.imul(sum, 31) + sign.charCodeAt(0)) >>> 0, 7);
  const word = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state.toString(36);
  };
  const texts = Array.from({length: count}, () => `${label} ${word()} ${word()} ${word()}`);
  return JSON.stringify({texts});
};

/** A service of chat completions whose model writes. */
export async function startWritingService(saying: Saying = differentTexts): Promise<WritingService> {
  const prompts: string[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await readText(request)) as {readonly messages: readonly {readonly content: string}[]};
    const prompt = body.messages.at(-1)!.content;
    const [, count = '0', label = ''] = /Write (\d+) texts of the class "([^"]*)"/.exec(prompt) ?? [];
    prompts.push(prompt);
    const content = saying({prompt, label, count: Number(count), before: prompts.length - 1});
    if (content === undefined) return;
    response.writeHead(200, {'content-type': 'application/json'});
    const usage = {prompt_tokens: 100, completion_tokens: 50};
    response.end(JSON.stringify({model: 'pen-1', choices: [{finish_reason: 'stop', message: {content}}], usage}));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    prompts,
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
