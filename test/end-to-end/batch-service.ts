import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as textOf} from 'node:stream/consumers';

/** A batch that the service has. */
export interface ServedBatch {
  readonly id: string;
  readonly name: string;
  /** The texts that it asks about. */
  readonly texts: readonly string[];
  readonly lines: readonly Line[];
}

interface Line {
  readonly custom_id: string;
  readonly body: Body;
}

interface Body {
  readonly messages: readonly {readonly role: string; readonly content: string}[];
}

/** A service with the batches of OpenAI, which tells even numbers from odd ones. */
export interface BatchService {
  readonly url: string;
  readonly batches: ServedBatch[];
  /** Texts that were asked about one by one. */
  readonly alone: string[];
  /** Whether batches end. */
  isReady: boolean;
  /** Called when the service has a batch, before it says so. */
  onBatch: () => void | Promise<void>;
  /** Called when half of a batch's results are sent. */
  onHalf: () => void | Promise<void>;
  /** The texts whose requests fail, for the first time that they are in a batch. */
  failing: readonly string[];
  close(): void;
}

export async function startBatchService(): Promise<BatchService> {
  const files = new Map<string, readonly Line[]>();
  const failed = new Set<string>();
  const service: BatchService = {
    url: '',
    batches: [],
    alone: [],
    isReady: false,
    onBatch: () => {},
    onHalf: () => {},
    failing: [],
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  const stateOf = ({id, name}: ServedBatch) => ({
    id,
    status: service.isReady ? 'completed' : 'in_progress',
    created_at: Math.floor(Date.now() / 1000),
    metadata: {limbeck: name},
    output_file_id: service.isReady ? `results-${id}` : null,
  });
  const resultOf = ({custom_id, body}: Line): string => {
    const text = textIn(body);
    const isFailing = service.failing.includes(text) && !failed.has(text);
    if (isFailing) failed.add(text);
    const response = isFailing
      ? {status_code: 500, body: {error: {message: 'no', code: 'server_error'}}}
      : {status_code: 200, request_id: `r-${text}`, body: answerTo(body)};
    return `${JSON.stringify({custom_id, response, error: null})}\n`;
  };
  const server = createServer((request, response) => {
    const json = (body: object) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    };
    const handle = async (): Promise<void> => {
      const sent = await textOf(request);
      const path = (request.url ?? '').replace('/v1', '');
      const [, kind, id = ''] = path.split('/');
      if (path === '/chat/completions') {
        const body = JSON.parse(sent) as Body;
        service.alone.push(textIn(body));
        json(answerTo(body));
      } else if (path === '/files') {
        const file = `file-${files.size}`;
        files.set(file, linesIn(sent));
        json({id: file});
      } else if (path === '/batches') {
        const {input_file_id, metadata} = JSON.parse(sent) as {input_file_id: string; metadata: {limbeck: string}};
        const lines = files.get(input_file_id) ?? [];
        const batch = {
          id: `batch-${service.batches.length}`,
          name: metadata.limbeck,
          lines,
          texts: lines.map(({body}) => textIn(body)),
        };
        service.batches.push(batch);
        await service.onBatch();
        json(stateOf(batch));
      } else if (kind === 'files') {
        const results = service.batches.find(batch => id === `results-${batch.id}`)!.lines.map(resultOf);
        const half = Math.floor(results.length / 2);
        response.write(results.slice(0, half).join(''));
        await service.onHalf();
        response.end(results.slice(half).join(''));
      } else if (path.startsWith('/batches?')) json({data: service.batches.map(stateOf), has_more: false});
      else json(stateOf(service.batches.find(batch => batch.id === id)!));
    };
    void handle();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(service, {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`});
}

/** The lines of the file in a form. */
function linesIn(form: string): readonly Line[] {
  return form
    .split(/\r?\n/)
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Line);
}

function textIn({messages}: Body): string {
  return messages.at(-1)!.content;
}

function answerTo(body: Body): object {
  const label = Number(textIn(body).replace('number ', '')) % 2 === 0 ? 'even' : 'odd';
  return {
    model: 'parity-1',
    choices: [{finish_reason: 'stop', message: {content: JSON.stringify({label})}}],
    usage: {prompt_tokens: 20, completion_tokens: 5},
  };
}
