import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {inspect} from 'node:util';
import {afterAll, describe, expect, it} from 'vitest';
import {openInference} from '../adapters/open-inference.ts';
import {openAsking} from '../src/ask/asking.ts';
import {askEach} from '../src/ask/batches.ts';
import {until} from './built.ts';
import {type Finished, fixture, workplace} from './end-to-end/limbeck.ts';
import {type FaultKind, type HostileService, PASSING_FAULTS, startHostileService} from './hostile-service.ts';

const KEY = 'sk-Very/Secret+0123456789-of-this-test';
const WRONG_KEY = 'sk-Other/Secret+9876543210-of-this-test';

/** The forms that a written key can have, alone or inside a longer text. */
function formsOf(key: string): readonly string[] {
  // Inside an encoded text, a key can begin at any of three offsets.
  const encoded = ['', ' ', '  '].map(before => {
    const text = Buffer.from(before + key).toString('base64');
    return text.slice(before.length === 0 ? 0 : 4, -4);
  });
  const hexadecimal = Buffer.from(key).toString('hex');
  return [key, encodeURIComponent(key), ...encoded, ...encoded.map(toUrlSafe), hexadecimal];
}

const toUrlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_');

const FORMS = [KEY, WRONG_KEY].flatMap(formsOf);

/** The names of the texts that hold a key. */
function leaksIn(texts: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(texts).filter(name => FORMS.some(form => texts[name]!.includes(form)));
}

/** Every file in a folder, by its path. Bytes are taken for characters, so that binary files can be searched. */
function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, {recursive: true, withFileTypes: true}).filter(entry => entry.isFile());
  return Object.fromEntries(
    names.map(({parentPath, name}) => [join(parentPath, name), readFileSync(join(parentPath, name), 'latin1')]),
  );
}

const services: HostileService[] = [];
afterAll(() => Promise.all(services.map(service => service.close())));

async function start(options: Parameters<typeof startHostileService>[0]): Promise<HostileService> {
  const service = await startHostileService({key: KEY, retryAfter: 0.01, ...options});
  services.push(service);
  return service;
}

describe('a key in the environment', () => {
  const {folder, start: run} = workplace();
  const printed: Record<string, string> = {};

  async function label(title: string, service: HostileService, key = KEY, flags: readonly string[] = []) {
    const env = {TEST_TEACHER_URL: service.url, LIMBECK_TEACHER_KEY: key};
    const finished = await run(['label', fixture('remote.ts'), ...flags], {env}).finished;
    note(title, finished);
    return finished;
  }

  function note(title: string, {stdout, stderr}: Finished): void {
    printed[`stdout, ${title}`] = stdout;
    printed[`stderr, ${title}`] = stderr;
  }

  it('reaches the service, and no output and no file, whatever goes wrong', async () => {
    const refusing = await start({classes: 3});
    expect((await label('wrong key', refusing, WRONG_KEY)).stderr).toContain(
      'It answered 401: "refused". It refuses the key.',
    );

    const spent = await start({classes: 3, rate: 1, faults: ['429-quota']});
    expect((await label('spent', spent)).stderr).toContain('nothing left to spend');

    const slow = await start({classes: 3, delay: 60_000});
    const env = {TEST_TEACHER_URL: slow.url, LIMBECK_TEACHER_KEY: KEY};
    const killed = run(['label', fixture('remote.ts')], {env});
    await until('a request under way', async () => (await slow.stats()).requests > 0);
    killed.kill('SIGKILL');
    note('killed', await killed.finished);

    const faults = PASSING_FAULTS.filter(kind => kind !== 'stall');
    const hostile = await start({classes: 3, rate: 1, faults, faultsPerInput: 2});
    await label('all faults', hostile);
    expect(Object.keys((await hostile.stats()).faults).length).toBeGreaterThan(5);

    const kind = await start({classes: 3});
    const compared = run(['compare', fixture('remote.ts'), '--retry-quarantined'], {
      env: {...env, TEST_TEACHER_URL: kind.url},
    });
    const {code, ...rest} = await compared.finished;
    note('compare', {code, ...rest});
    expect([code, (await kind.stats()).unauthorized, rest.stderr]).toEqual([0, 0, expect.any(String)]);

    const files = filesIn(folder());
    const kept = Object.keys(files).join('\n');
    for (const what of [/answers/, /journal/, /knowledge/, /report\.html/]) expect(kept).toMatch(what);
    expect(leaksIn({...printed, ...files})).toEqual([]);
  }, 120_000);
});

describe('a key that was passed', () => {
  const classes = Array.from({length: 10}, (_, index) => `class ${index}`);
  const wrong: Readonly<Record<string, string>> = {'wrong key': WRONG_KEY, 'bad key': `${KEY}\n`};

  it.each<FaultKind | 'none' | 'wrong key' | 'bad key' | 'no service'>([
    ...PASSING_FAULTS,
    '429-quota',
    'redirect',
    'none',
    'wrong key',
    'bad key',
    'no service',
  ])('shows in nothing that comes of %s', async what => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-secrets-'));
    const faults = what in wrong || what === 'none' || what === 'no service' ? [] : [what as FaultKind];
    const service = await start({rate: 1, faults, faultsPerInput: 10, retryAfter: 0});
    const url = what === 'no service' ? 'http://127.0.0.1:9' : service.url;
    const options = {url, model: 'm', classes, output: {label: 'label'}, key: wrong[what] ?? KEY, timeout: 50} as const;
    const teacher = openInference(options);
    const asking = await openAsking({cache: join(folder, 'answers.mdb'), journal: join(folder, 'journal')});
    const {teacher: layered, ledger} = asking.open(teacher);
    // The error after the layers, and the error as the adapter threw it.
    const errors: unknown[] = [await teacher.ask([text('a')]).catch((error: unknown) => error)];
    const stop = AbortSignal.timeout(400);
    await askEach(layered, [text('b')], outcomes => void errors.push(outcomes), {stop}).catch(error =>
      errors.push(error),
    );
    await asking.close();
    const shown = {
      errors: errors.map(everythingIn).join('\n'),
      teacher: inspect([teacher.name, teacher.identity, teacher.service, layered.name, layered.identity]),
      account: teacher.service?.account ?? '',
      ledger: JSON.stringify(ledger.snapshot()),
      ...filesIn(folder),
    };
    expect(existsSync(join(folder, 'answers.mdb'))).toBe(true);
    expect(leaksIn(shown)).toEqual([]);
    await rm(folder, {recursive: true});
  });

  it('would be found in any form', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-secrets-'));
    const error = new Error('outer', {cause: {headers: [{authorization: `Bearer ${KEY}`}]}});
    writeFileSync(join(folder, 'binary'), Buffer.concat([Buffer.of(0, 255), Buffer.from(KEY)]));
    for (const before of ['', 'a', 'ab', 'abc']) {
      writeFileSync(join(folder, `encoded ${before}`), Buffer.from(`${before}${KEY}`).toString('base64'));
      writeFileSync(join(folder, `url ${before}`), Buffer.from(`${before}${KEY}`).toString('base64url'));
    }
    const texts = {error: everythingIn(error), ...filesIn(folder)};
    expect(leaksIn(texts)).toHaveLength(10);
    await rm(folder, {recursive: true});
  });
});

const text = (value: string) => ({input: {kind: 'text', text: value}}) as const;

function everythingIn(thrown: unknown): string {
  const texts = [inspect(thrown, {depth: 10, showHidden: true}), JSON.stringify(thrown)];
  for (let error = thrown; error instanceof Error; error = error.cause) {
    texts.push(error.message, error.stack ?? '', JSON.stringify(error));
  }
  return texts.join('\n');
}
