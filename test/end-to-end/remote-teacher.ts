import {once} from 'node:events';
import {createServer, type IncomingHttpHeaders} from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterAll} from 'vitest';

/** A service that speaks as much of the Open Inference Protocol as the recipe `remote.ts` asks of it. */
export interface RemoteTeacher {
  readonly url: string;
  /** How often each input was asked about. */
  readonly asked: Map<string, number>;
  /** The headers of every request about inputs. */
  readonly headers: IncomingHttpHeaders[];
}

export interface RemoteReply {
  readonly status: number;
  readonly body: object;
}

/** Answers one request about some inputs. */
export type Respond = (inputs: readonly string[], output: string) => RemoteReply | Promise<RemoteReply>;

/** Starts a service that ends with the tests of the file. */
export async function remoteTeacher(respond: Respond): Promise<RemoteTeacher> {
  const asked = new Map<string, number>();
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') {
      // It has nothing to say of itself.
      response.writeHead(404).end();
      return;
    }
    headers.push(request.headers);
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const {inputs, outputs} = JSON.parse(text) as InferRequest;
    const {shape, data} = inputs[0]!;
    const size = data.length / shape[0]!;
    const rows = Array.from({length: shape[0]!}, (_, row) => data.slice(row * size, (row + 1) * size).join());
    for (const row of rows) asked.set(row, (asked.get(row) ?? 0) + 1);
    const {status, body} = await respond(rows, outputs[0]!.name);
    response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, headers};
}

interface InferRequest {
  readonly inputs: readonly {readonly shape: readonly number[]; readonly data: readonly number[]}[];
  readonly outputs: readonly {readonly name: string}[];
}

/** The reply of a teacher of three classes that has no doubts to speak of. */
export function answering(inputs: readonly string[], output: string): RemoteReply {
  const labels = inputs.map(input => input.length % 3);
  const scores = labels.flatMap(label => [0, 1, 2].map(index => Math.log(index === label ? 0.8 : 0.1)));
  const {data, shape} =
    output === 'label' ? {data: labels, shape: [inputs.length]} : {data: scores, shape: [inputs.length, 3]};
  return {status: 200, body: {outputs: [{name: output, datatype: 'FP32', shape, data}]}};
}
