import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {type HostileService, startHostileService} from '../hostile-service.ts';
import {LABEL, type Labelled, workAt} from './hostile-work.ts';
import {fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();

describe('limbeck label --record', () => {
  const inputs = 40;
  let service: HostileService;

  beforeAll(async () => {
    service = await startHostileService();
    await json([...LABEL, '--record', 'once'], {env: workAt(service, {inputs})});
    return service.close.bind(service);
  });

  /** Runs in a mode; how many requests that was. */
  async function record(mode: string, work: {readonly inputs: number; readonly version?: string}) {
    const before = (await service.stats()).requests;
    const finished = await run([...LABEL, '--record', mode, '--json'], {env: workAt(service, work)});
    return {...finished, requests: (await service.stats()).requests - before};
  }

  it('none opens no socket, whether everything is kept or not', async () => {
    const watch = join(folder(), 'watched');
    const watched = {NODE_OPTIONS: `--import=${fixture('watch.mjs')}`, TEST_WATCH_FILE: watch};
    for (const count of [inputs, inputs + 1]) {
      const env = {...workAt(service, {inputs: count}), ...watched};
      const {code} = await run([...LABEL, '--record', 'none'], {env});
      expect(code).toBe(count === inputs ? 0 : 1);
    }
    const lines = (await readFile(watch, 'utf8')).trim().split('\n');
    expect(lines.map(line => JSON.parse(line) as object)).toEqual(new Array(2).fill({started: [], connections: 0}));
  });

  it('none names the nearest answer that is kept, and the field that differs', async () => {
    const {code, stderr, requests} = await record('none', {inputs, version: '2'});
    expect({code, requests}).toEqual({code: 1, requests: 0});
    expect(stderr).toMatch(/No answer is kept under key [0-9a-f]{64}, .* The nearest is [0-9a-f]{64}: its .*version/);
  });

  it('once asks no more about a teacher of which something is kept', async () => {
    expect(await record('once', {inputs: inputs + 5})).toMatchObject({code: 1, requests: 0});
  });

  it('new asks what is not kept', async () => {
    const {code, stdout, requests} = await record('new', {inputs: inputs + 5});
    expect({code, requests}).toEqual({code: 0, requests: 5});
    expect((JSON.parse(stdout) as Labelled).levels).toMatchObject([{bought: 5, cached: inputs}]);
  });

  it('all asks everything anew', async () => {
    expect(await record('all', {inputs})).toMatchObject({code: 0, requests: inputs});
  });
});
