import {execFile} from 'node:child_process';
import {createServer} from 'node:http';
import {createServer as createTlsServer} from 'node:https';
import {promisify} from 'node:util';
import type {Server} from '@grpc/grpc-js';
import {Agent} from 'undici';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi} from 'vitest';
import type {ChatOptions} from '../../../adapters/_chat/chat.ts';
import {http} from '../../../adapters/http.ts';
import {type OpenInferenceOptions, openInference} from '../../../adapters/open-inference.ts';
import {openai} from '../../../adapters/openai.ts';
import {TeacherError} from '../../../src/errors.ts';
import {withoutSecrets} from '../../../src/secrets.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import {type Handler, startGrpc, writeReply} from '../grpc-service.ts';
import {floats} from '../replay.ts';
import {
  type Authority,
  chatService,
  createAuthority,
  http2SecureServer,
  http2Server,
  pathFor,
  started,
  startProxy,
} from './network-servers.ts';

const ham = {answer: {kind: 'label', label: 0}};
const query = {input: {kind: 'text', text: 'a text'}} as const;

const teacherAt = (url: string, options: Partial<ChatOptions> = {}) =>
  openai({url, model: 'm', classes: ['ham', 'spam'], output: 'label', ...options});

async function failureOf(teacher: ReturnType<typeof teacherAt>): Promise<TeacherError> {
  const error = await teacher.ask([query]).catch((thrown: unknown) => thrown);
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${JSON.stringify(error)}`);
  return error;
}

/** Starts the chat service on a server without TLS. */
async function startChat(at?: string) {
  const {listener, requests} = chatService();
  const {port} = await started(createServer(listener), at);
  return {requests, port, url: `http://127.0.0.1:${port}/v1`};
}

let authority: Authority;
beforeAll(() => {
  authority = createAuthority();
});

const PROXIES = ['http_proxy', 'https_proxy', 'no_proxy'];
beforeEach(() => {
  // Those of this machine have no part in these tests.
  for (const name of PROXIES) for (const form of [name, name.toUpperCase()]) vi.stubEnv(form, undefined);
});
afterEach(() => vi.unstubAllEnvs());

describe('a proxy of the environment', () => {
  it.each(['http_proxy', 'HTTP_PROXY'])('is used if %s names it', async variable => {
    const [service, proxy] = [await startChat(), await startProxy()];
    vi.stubEnv(variable, proxy.url);
    expect(await teacherAt(service.url).ask([query])).toEqual([ham]);
    expect(proxy.asked).toEqual([`${service.url}/chat/completions`]);
  });

  it('opens a tunnel for TLS, through which HTTP/2 goes, too', async () => {
    const {listener, requests} = chatService();
    const {port} = await started(http2SecureServer(listener, authority.sign('DNS:localhost')));
    const proxy = await startProxy();
    vi.stubEnv('https_proxy', proxy.url.replace('http://', ''));
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(await teacherAt(`https://localhost:${port}/v1`).ask([query])).toEqual([ham]);
    expect(await teacherAt(`https://localhost:${port}/v1`, {http2: true}).ask([query])).toEqual([ham]);
    expect(proxy.asked).toEqual([`CONNECT localhost:${port}`, `CONNECT localhost:${port}`]);
    expect(requests.map(({version}) => version)).toEqual(['1.1', '2.0']);
  });

  it.each(['127.0.0.1', '*', 'a.test, .0.0.1'])('is not used for what no_proxy names: %s', async spared => {
    const [service, proxy] = [await startChat(), await startProxy()];
    vi.stubEnv('http_proxy', proxy.url);
    vi.stubEnv('NO_PROXY', spared);
    expect(await teacherAt(service.url).ask([query])).toEqual([ham]);
    expect(proxy.asked).toEqual([]);
  });

  it('gets the user and the password of its URL, which are written nowhere', async () => {
    const [service, proxy] = [await startChat(), await startProxy('me:pass-word-12')];
    vi.stubEnv('http_proxy', proxy.url.replace('//', '//me:pass-word-12@'));
    expect(await teacherAt(service.url).ask([query])).toEqual([ham]);
    expect(service.requests[0]!.headers).not.toHaveProperty('proxy-authorization');
    expect(withoutSecrets('pass-word-12')).not.toContain('pass');
  });

  it.each(['http', 'https'])('that asks for a password of a request by %s is named, and asked once', async protocol => {
    const proxy = await startProxy('me:pass-word-12');
    vi.stubEnv('http_proxy', proxy.url);
    const error = await failureOf(teacherAt(`${protocol}://teacher.test/v1`));
    expect(error.message).toContain(
      `The proxy ${new URL(proxy.url).host} asks for a user and a password (407). Put them into the URL in http_proxy.`,
    );
    expect(error).toMatchObject({retryable: false, inDoubt: false});
  });

  it('that does not run, or reaches no service, is named', async () => {
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    expect(await failureOf(teacherAt('http://teacher.test/v1'))).toMatchObject({
      message: expect.stringContaining(
        'Nothing answers at the proxy 127.0.0.1:9. Check http_proxy, or add teacher.test to no_proxy.',
      ),
      inDoubt: false,
    });
    vi.stubEnv('http_proxy', (await startProxy()).url);
    expect((await failureOf(teacherAt('https://127.0.0.1:9/v1'))).message).toContain('answered 502 to a connection to');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]'])('that fails for %s is said to be asked for this machine', async host => {
    const advice = `set no_proxy=${host}.`;
    vi.stubEnv('http_proxy', 'http://127.0.0.2:9');
    const failed = await failureOf(teacherAt(`http://${host}:1/v1`));
    expect(failed.message).toContain('Nothing answers at the proxy 127.0.0.2:9.');
    expect(failed.message).toContain(advice);
    const proxy = await startProxy();
    vi.stubEnv('http_proxy', proxy.url);
    // It can't be told from the server's own reply, as a proxy forwards requests to http:// addresses.
    const refused = await failureOf(teacherAt(`http://${host}:1/v1`));
    expect(refused.message).toContain('It answered 502.');
    expect(refused.message).toContain(`The request went through the proxy ${new URL(proxy.url).host} of http_proxy`);
    expect(refused.message).toContain(advice);
    expect((await failureOf(teacherAt(`https://${host}:1/v1`))).message).toContain(advice);
    vi.stubEnv('no_proxy', '127.0.0.1,localhost,[::1]');
    expect((await failureOf(teacherAt(`http://${host}:1/v1`))).message).not.toContain('proxy');
  });

  it('that fails for another host is not', async () => {
    vi.stubEnv('http_proxy', (await startProxy()).url);
    expect((await failureOf(teacherAt('http://teacher.invalid/v1'))).message).not.toContain('no_proxy');
  });

  it('that is no URL is refused with the variable', () => {
    vi.stubEnv('https_proxy', 'ftp://a.test');
    expect(() => teacherAt('https://teacher.test/v1')).toThrow('The environment variable https_proxy holds no URL');
  });
});

describe('a Unix socket', () => {
  it('is reached by its path, with a name of its own in the identity', async () => {
    const path = pathFor('chat.sock');
    const {requests} = await startChat(path);
    const teacher = teacherAt('http://localhost/v1', {socketPath: path});
    expect(await teacher.ask([query])).toEqual([ham]);
    expect(requests[0]!.path).toBe('/v1/chat/completions');
    expect(teacher.identity['service']).toBe(`http://localhost/v1 at ${path}`);
    expect(teacher.service!.account).not.toBe(teacherAt('http://localhost/v1').service!.account);
  });

  it('that is not there is named', async () => {
    const error = await failureOf(teacherAt('http://localhost/v1', {socketPath: '/nowhere.sock'}));
    expect(error.message).toContain('There is no socket /nowhere.sock. Check `socketPath`');
  });
});

describe('HTTP/2', () => {
  it('is spoken at once without TLS', async () => {
    const {listener, requests} = chatService();
    const {port} = await started(http2Server(listener));
    const teacher = teacherAt(`http://127.0.0.1:${port}/v1`, {http2: true});
    expect(await Promise.all(Array.from({length: 40}, () => teacher.ask([query])))).toEqual(Array(40).fill([ham]));
    expect(new Set(requests.map(({version}) => version))).toEqual(new Set(['2.0']));
  });

  it('is refused with a reason by a server without it, and through a proxy without TLS', async () => {
    const {url} = await startChat();
    expect((await failureOf(teacherAt(url, {http2: true}))).message).toContain('Leave `http2` out.');
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    expect(() => teacherAt(url, {http2: true})).toThrow('add 127.0.0.1 to no_proxy');
  });

  it('and sockets are not given beside a dispatcher', () => {
    const dispatcher = new Agent();
    expect(() => teacherAt('http://a.test', {dispatcher, http2: true})).toThrow('are decided by the `dispatcher`');
  });
});

describe('a certificate', () => {
  const askOver = async (names: string, days?: number) => {
    const {listener} = chatService();
    const {port} = await started(createTlsServer(authority.sign(names, days), listener));
    return `https://localhost:${port}/v1`;
  };

  it('of an unknown authority ends the run with the variable that names it', async () => {
    const error = await failureOf(teacherAt(await askOver('DNS:localhost')));
    expect(error.message).toMatch(/The certificate of localhost:\d+ can not be verified \(UNABLE_TO_VERIFY_LEAF_SIG/);
    expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(error).toMatchObject({retryable: false, inDoubt: false});
  });

  it('that NODE_EXTRA_CA_CERTS explains is accepted; one for other names or of the past is not', async () => {
    const urls = [await askOver('DNS:localhost'), await askOver('DNS:other.test'), await askOver('DNS:localhost', -1)];
    const script = `
      import {openai} from ${JSON.stringify(new URL('../../../adapters/openai.ts', import.meta.url).href)};
      const said = [];
      for (const url of ${JSON.stringify(urls)}) {
        const teacher = openai({url, model: 'm', classes: ['ham', 'spam'], output: 'label'});
        said.push(await teacher.ask([{input: {kind: 'text', text: 'a'}}]).catch(({message, retryable}) => ({message, retryable})));
      }
      console.log(JSON.stringify(said));`;
    const env = {...process.env, NODE_EXTRA_CA_CERTS: authority.path};
    const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
    const {stdout} = await promisify(execFile)(process.execPath, args, {env});
    expect(JSON.parse(stdout)).toEqual([
      [ham],
      {message: expect.stringContaining('is for other names (DNS:other.test)'), retryable: false},
      {message: expect.stringContaining('has expired'), retryable: false},
    ]);
  });

  it('is missing if the service does not speak TLS', async () => {
    const {port} = await startChat();
    const error = await failureOf(teacherAt(`https://127.0.0.1:${port}/v1`));
    expect(error).toMatchObject({message: expect.stringContaining('Begin `url` with http://'), retryable: false});
  });
});

describe('an address', () => {
  it('of IPv6 is reached', async () => {
    const {requests, port} = await startChat('::1');
    expect(await teacherAt(`http://[::1]:${port}/v1`).ask([query])).toEqual([ham]);
    expect(requests[0]!.headers['host']).toBe(`[::1]:${port}`);
  });

  it.each([
    ['/openai/deployments/mini/chat/completions?api-version=2024-10-21', {}, 'api-key'],
    ['/openai/deployments/mini', {apiVersion: '2024-10-21'}, 'api-key'],
    ['/openai/v1/', {}, 'authorization'],
    ['/openai/v1/chat/completions', {}, 'authorization'],
  ])('of Azure is asked as it is documented: %s', async (path, options, header) => {
    const {requests, port} = await startChat();
    const teacher = openai({
      ...{url: `http://127.0.0.1:${port}${path}`, model: 'mini', key: 'azure key'.replace(' ', '-')},
      ...{classes: ['ham', 'spam'], output: 'label', ...options},
    });
    expect(await teacher.ask([query])).toEqual([ham]);
    const isOld = path.includes('deployments');
    expect(requests[0]!.path).toBe(
      isOld ? '/openai/deployments/mini/chat/completions?api-version=2024-10-21' : '/openai/v1/chat/completions',
    );
    expect(requests[0]!.headers[header]).toContain('azure-key');
  });

  const redirectedTo = async (location: string, path = '/v1') => {
    const {port} = await started(createServer((_, response) => response.writeHead(308, {location}).end()));
    const own = `http://127.0.0.1:${port}`;
    const error = await failureOf(teacherAt(`${own}${path}`, {key: 'a-secret-key'}));
    expect(error.retryable).toBe(false);
    return error.message.replaceAll(own, 'OWN');
  };

  it('that redirects is refused with its target, and the key stays here', async () => {
    const other = await startChat();
    const said = await redirectedTo(`${other.url}/chat?token=1`);
    expect(said).toContain(`It answered 308. It redirects to ${other.url}/chat. Keys follow no redirect`);
    expect(said).toContain(`give \`url: '${other.url}'\`.`);
    expect(other.requests).toEqual([]);
  });

  it.each([
    ['//moved.test/v1/chat/completions', 'redirects to http://moved.test/v1/chat/completions.'],
    ['//moved.test/v1/chat/completions', "give `url: 'http://moved.test/v1'`."],
    ['/v2/chat/completions#top', 'redirects to OWN/v2/chat/completions.'],
    ['/v2/chat/completions', 'change `url` so that requests go there.'],
    ['https://moved.test/v11/chat', 'change `url` so that requests go there.'],
    ['completions/', 'redirects to completions/.'],
    ['https://id.test/oauth2/authorize?client_id=1', 'If people sign in there, it takes another key'],
    ['/v1/login?next=%2Fv1', '`key` and `keyHeader`.'],
    ['https://moved.test/a-secret-key/chat', 'redirects to https://moved.test/[secret]/chat.'],
  ])('that redirects to %s says so: %s', async (location, says) => {
    expect(await redirectedTo(location)).toContain(says);
  });

  it('of `http` keeps the slash at its end, which routes of FastAPI have', async () => {
    const paths: string[] = [];
    const {port} = await started(
      createServer((request, response) => {
        paths.push(request.url!);
        response.setHeader('content-type', 'application/json').end('{"label": "ham"}');
      }),
    );
    const at = (path: string) =>
      http({
        ...{url: `http://127.0.0.1:${port}${path}`, classes: ['ham', 'spam']},
        ...{request: {text: '{text}'}, output: {label: '/label'}},
      });
    expect(await at('/predict/').ask([query])).toEqual([ham]);
    expect(await at('/predict').ask([query])).toEqual([ham]);
    expect(paths).toEqual(['/predict/', '/predict']);
    expect(answerKey(at('/predict/').identity, query)).toBe(answerKey(at('/predict').identity, query));
  });
});

describe('headers', () => {
  it('are sent with every request; secrets among them are written nowhere', async () => {
    const {url, requests} = await startChat();
    const headers = {
      'x-portkey-api-key': 'pk-7d1f00aa41b2',
      'x-portkey-config': 'pc-fast',
      'HTTP-Referer': 'https://mine.test',
      'x-other': () => 'fresh-0123456789',
    };
    const teacher = teacherAt(url, {key: 'sk-provider', headers});
    expect(await teacher.ask([query])).toEqual([ham]);
    expect(requests[0]!.headers).toMatchObject({
      'x-portkey-api-key': 'pk-7d1f00aa41b2',
      'http-referer': 'https://mine.test',
      'x-other': 'fresh-0123456789',
      authorization: 'Bearer sk-provider',
    });
    expect(Object.keys(teacher.identity['headers'] as object)).toEqual(['x-portkey-config']);
    const written = JSON.stringify([teacher.identity, teacher.name, teacher.service!.account]);
    expect(written).not.toMatch(/pk-7d|pc-fast|mine\.test|fresh/);
    expect(withoutSecrets('it got pk-7d1f00aa41b2 and fresh-0123456789')).not.toMatch(/7d1f|0123/);
  });

  it('change the key of an answer only if they can change the answer', () => {
    const keyOf = (options: Partial<ChatOptions>) => answerKey(teacherAt('http://a.test/v1', options).identity, query);
    const plain = keyOf({});
    const none = [{'x-gateway-key': 'a'}, {'User-Agent': 'me'}, {'X-Title': 'mine'}].map(headers => keyOf({headers}));
    expect([keyOf({headers: {}}), keyOf({http2: true}), keyOf({keyHeader: 'api-key: {key}'})]).toEqual(
      Array(3).fill(plain),
    );
    expect(none).toEqual(Array(3).fill(plain));
    expect(keyOf({headers: {'x-route': 'fast'}})).not.toBe(plain);
    expect(keyOf({socketPath: '/a.sock'})).not.toBe(plain);
  });
});

describe('gRPC', () => {
  const answer: Handler = ({metadata}, reply) => {
    heard.push(metadata.getMap());
    reply(null, writeReply([1, 2], Float32Array.of(1, 2)));
  };
  const heard: Readonly<Record<string, unknown>>[] = [];
  const running: Server[] = [];
  afterAll(() => {
    for (const server of running) server.forceShutdown();
  });

  async function startAt(at?: string): Promise<number> {
    const {server, port} = await startGrpc(answer, at);
    running.push(server);
    return port;
  }

  const askAt = (url: string, options: Partial<OpenInferenceOptions> = {}) =>
    openInference({url, model: 'm', classes: ['ham', 'spam'], output: {logits: 'y'}, ...options}).ask([floats(1)]);
  const answered = [{answer: {kind: 'logits', logits: Float32Array.of(1, 2), features: {}}}];

  it('goes by a Unix socket and by IPv6', async () => {
    const path = pathFor('grpc.sock');
    await startAt(`unix:${path}`);
    expect(await askAt('grpc://localhost', {socketPath: path})).toEqual(answered);
    expect(await askAt(`grpc://[::1]:${await startAt('[::1]:0')}`)).toEqual(answered);
  });

  it('goes through the proxy of http_proxy, with headers and the key in its own', async () => {
    const [port, proxy] = [await startAt(), await startProxy()];
    vi.stubEnv('http_proxy', proxy.url);
    const headers = {'x-gateway-key': 'gateway-key'};
    const asked = askAt(`grpc://127.0.0.1:${port}`, {headers, key: 'mine', keyHeader: 'x-key: {key}'});
    expect(await asked).toEqual(answered);
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${port}`]);
    expect(heard.at(-1)).toMatchObject({'x-gateway-key': 'gateway-key', 'x-key': 'mine'});
    expect(heard.at(-1)).not.toHaveProperty('authorization');
  });
});
