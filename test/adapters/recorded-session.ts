import {isDeepStrictEqual} from 'node:util';
import {MockAgent} from 'undici';
import {address, type Offline, type Recorded, recordedFor} from './replay.ts';

/**
 * A network that answers as a server did while `test/fixtures/<adapter>/<name>.json` was recorded, a list of exchanges:
 * each request by its path and body, as often as it comes.
 */
export function sessionOf(adapter: string, name: string): Omit<Offline, 'answer'> {
  const exchanges = recordedFor(adapter, name) as unknown as readonly Recorded[];
  const dispatcher = new MockAgent();
  dispatcher.disableNetConnect();
  const sent: Offline['sent'] = [];
  for (const method of ['GET', 'POST']) {
    dispatcher
      .get(address)
      .intercept({path: () => true, method})
      .reply(({path, headers, body: text}) => {
        const body: unknown = text ? JSON.parse(String(text)) : undefined;
        sent.push({path, headers: headers as object, body});
        const known = exchanges.find(({request}) => request.path === path && isDeepStrictEqual(request.body, body));
        if (known === undefined) throw new Error(`${name} holds no request to ${path} with ${String(text)}`);
        const {status, contentType, body: reply} = known.response;
        const data = typeof reply === 'string' ? reply : JSON.stringify(reply);
        return {statusCode: status, data, responseOptions: {headers: {'content-type': contentType}}};
      })
      .persist();
  }
  return {dispatcher, sent};
}
