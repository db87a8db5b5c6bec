import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdir} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {afterEach, expect, it, vi} from 'vitest';
import {targetOf} from '../../../src/engine/install/target.ts';
import {hasOwnPackage, NO_PIP, serve, serveRegistry, temporaryFolder, withPrograms, writeText} from './loopback.ts';

afterEach(() => void vi.unstubAllEnvs());

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const main = resolve('src/cli/main.ts');

it.skipIf(hasOwnPackage)('`limbeck engine install` leaves nothing half done at Ctrl-C', async () => {
  const home = await temporaryFolder();
  const {project, file} = targetOf();
  const registry = await serveRegistry();
  let underWay: () => void;
  const downloads = new Promise<void>(done => (underWay = done));
  const index = await serve({
    [`/simple/${project}/`]: `<a href="/${file}">${file}</a>`,
    [`/${file}`]: (_request, response) => void response.write('the first bytes', () => underWay()),
  });
  await writeText(join(home, '.npmrc'), `registry=${registry.url}\n`);
  await writeText(join(home, 'package.json'), '{}');
  await withPrograms({...NO_PIP, 'test-c++': 'exit 0'});
  const env = {
    ...process.env,
    CXX: 'test-c++',
    LIMBECK_ENGINE_DIR: join(home, 'engines'),
    PIP_INDEX_URL: `${index.url}/simple`,
    npm_config_cache: join(home, 'npm'),
  };
  const child = spawn(process.execPath, ['--import', tsx, main, 'engine', 'install'], {cwd: home, env});
  let said = '';
  child.stderr.on('data', chunk => (said += chunk));
  await Promise.race([downloads, once(child, 'close')]);
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  expect(said).toMatch(/MB to download(.|\n)*Stopped\. A finished download is kept/);
  expect(code).toBe(130);
  expect(await readdir(join(home, 'engines'))).toEqual([]);
});
