import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';

/** A request as the service sees it. */
export interface SeenRequest {
  readonly path: string;
  readonly body: Json;
  /** The most tokens that its body allows, by the protocols' own rules. */
  readonly most: Tokens;
  /** Number of earlier requests. */
  readonly before: number;
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
}

interface Json {
  readonly [field: string]: unknown;
}

/** The service's treatment of a request: its charge and its reply. */
export interface Deed extends Tokens {
  /** @default 200 */
  readonly status?: number;
  /** The usage in its reply. @default what is charged */
  readonly said?: {readonly input: unknown; readonly output: unknown} | 'nothing';
  /** True if the connection breaks after all is charged. @default false */
  readonly breaks?: boolean;
  /** Milliseconds. @default 0 */
  readonly takes?: number;
}

export interface ChargingService {
  readonly url: string;
  /** The charge of each request. */
  readonly charged: readonly (Tokens & {readonly most: Tokens})[];
  /** Forgets all charges. */
  reset(act?: (request: SeenRequest) => Deed): void;
  close(): Promise<void>;
}

/** Charges all that a request's body allows. */
export const allThatItMay = ({most}: SeenRequest): Deed => most;

/** A service of every chat protocol, whose model answers `ham`. */
export async function startChargingService(
  first: (request: SeenRequest) => Deed = allThatItMay,
): Promise<ChargingService> {
  let act = first;
  const charged: (Tokens & {readonly most: Tokens})[] = [];
  const server = createServer(async (request, response) => {
    const sent = await text(request);
    const path = request.url!;
    const body = JSON.parse(sent) as Json;
    const most = {input: Buffer.byteLength(sent), output: mostOutput(path, body)};
    const {
      status = 200,
      said,
      breaks = false,
      takes = 0,
      input,
      output,
    } = act({path, body, most, before: charged.length});
    charged.push(status === 200 ? {input, output, most} : {input: 0, output: 0, most});
    if (takes > 0) await new Promise(resolve => setTimeout(resolve, takes));
    if (breaks) return response.destroy();
    response.writeHead(status, {'content-type': 'application/json'});
    return response.end(JSON.stringify(status === 200 ? replyOf(path, said ?? {input, output}) : {error: {}}));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    charged,
    reset(next = allThatItMay) {
      act = next;
      charged.length = 0;
    },
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const at = (body: Json, ...path: readonly string[]): number => {
  const found = path.reduce<unknown>((part, name) => (part as Json | undefined)?.[name], body);
  return typeof found === 'number' ? found : 0;
};

/** Written independently of the tested code, one protocol at a time. */
function mostOutput(path: string, body: Json): number {
  if (path.endsWith('/responses')) return Math.max(16, at(body, 'max_output_tokens'));
  if (path.endsWith('/messages')) return at(body, 'max_tokens') + at(body, 'thinking', 'budget_tokens');
  if (path.endsWith('/api/chat')) return at(body, 'options', 'num_predict');
  if (path.endsWith('/converse')) {
    const own = (...names: readonly string[]) => at(body, 'additionalModelRequestFields', ...names);
    return Math.max(at(body, 'inferenceConfig', 'maxTokens'), own('max_tokens')) + own('thinking', 'budget_tokens');
  }
  if (path.includes(':generateContent')) {
    const thoughts = Math.max(0, at(body, 'generationConfig', 'thinkingConfig', 'thinkingBudget'));
    const copies = at(body, 'generationConfig', 'candidateCount') || 1;
    return copies * (at(body, 'generationConfig', 'maxOutputTokens') + thoughts);
  }
  const limit = Math.max(at(body, 'max_tokens'), at(body, 'max_completion_tokens'), at(body, 'n_predict'));
  const copies = Math.max(1, at(body, 'n'), at(body, 'best_of'));
  return copies * (limit + at(body, 'reasoning', 'max_tokens') + at(body, 'thinking_budget'));
}

function replyOf(path: string, said: NonNullable<Deed['said']>): object {
  const none = said === 'nothing';
  const named = (input: string, output: string) => (none ? undefined : {[input]: said.input, [output]: said.output});
  const label = JSON.stringify({label: 'ham'});
  if (path.endsWith('/responses')) {
    const content = [{type: 'output_text', text: label}];
    return {status: 'completed', output: [{type: 'message', content}], usage: named('input_tokens', 'output_tokens')};
  }
  if (path.endsWith('/messages')) {
    const content = [{type: 'text', text: label}];
    return {model: 'm', content, stop_reason: 'end_turn', usage: named('input_tokens', 'output_tokens')};
  }
  if (path.endsWith('/api/chat')) return {message: {content: label}, ...named('prompt_eval_count', 'eval_count')};
  if (path.endsWith('/converse')) {
    const output = {message: {content: [{text: label}]}};
    return {output, stopReason: 'end_turn', usage: named('inputTokens', 'outputTokens')};
  }
  if (path.includes(':generateContent')) {
    const candidates = [{content: {parts: [{text: label}]}, finishReason: 'STOP'}];
    return {candidates, usageMetadata: named('promptTokenCount', 'candidatesTokenCount')};
  }
  const choices = [{finish_reason: 'stop', message: {content: path.includes('/v1/') ? 'ham' : label}}];
  return {model: 'm', choices, usage: named('prompt_tokens', 'completion_tokens')};
}
