import {execFile} from 'node:child_process';
import {chmod, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import {createRequire} from 'node:module';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {delimiter, dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {onTestFinished, vi} from 'vitest';
import {TARGET, WHEEL} from './fake-wheel.ts';

/** True if `@tensorflow/tfjs-node` is installed beside this project. It then goes before any engine of the user. */
export const hasOwnPackage: boolean = (() => {
  try {
    return createRequire(import.meta.url).resolve('@tensorflow/tfjs-node') !== '';
  } catch {
    return false;
  }
})();

/** A folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-engine-test-'));
  onTestFinished(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

export interface Site {
  readonly url: string;
  /** Paths asked for, with the Authorization header if there is one. */
  readonly asked: string[];
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on this machine for the length of a test. */
export async function serve(pages: Readonly<Record<string, Answer | Buffer | string>>): Promise<Site> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const {authorization} = request.headers;
    asked.push(request.url! + (authorization === undefined ? '' : ` ${authorization}`));
    const page = pages[decodeURIComponent(request.url!)];
    if (typeof page === 'function') page(request, response);
    else response.writeHead(page === undefined ? 404 : 200, {'content-type': 'text/html'}).end(page);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked};
}

/** A Python package index that has the test's wheel. */
export function serveIndex(wheel: Answer | Buffer = WHEEL): Promise<Site> {
  const page = `<a href="../../files/${TARGET.file}#sha256=${TARGET.sha256}">${TARGET.file}</a>`;
  return serve({'/simple/tensorflow-test/': page, [`/files/${TARGET.file}`]: wheel});
}

/** A registry of npm packages that has those that an engine is made of, with hardly anything in them. */
export async function serveRegistry(): Promise<Site> {
  const pages: Record<string, Answer | Buffer> = {};
  const site = await serve(pages);
  const packages = {
    '@tensorflow/tfjs-node': {
      version: '4.22.0',
      file: 'binding/tfjs_backend.cc',
      dependencies: {'@tensorflow/tfjs': '4.22.0'},
    },
    'node-api-headers': {version: '1.9.0', file: 'include/node_api.h', dependencies: {}},
  };
  for (const [name, {version, file, dependencies}] of Object.entries(packages)) {
    const manifest = {name, version, dependencies, scripts: {install: 'exit 1'}};
    pages[`/${name}.tgz`] = await tarball({'package.json': JSON.stringify(manifest), [file]: ''});
    const dist = {tarball: `${site.url}/${name}.tgz`};
    const document = {name, 'dist-tags': {latest: version}, versions: {[version]: {...manifest, dist}}};
    pages[`/${name}`] = (_request, response) => void response.end(JSON.stringify(document));
  }
  return site;
}

async function tarball(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeText(join(folder, 'package', name), text);
  await promisify(execFile)('tar', ['-czf', 'package.tgz', 'package'], {cwd: folder});
  return readFile(join(folder, 'package.tgz'));
}

/** Puts programs, as shell scripts, before all others on the PATH until the variables are unstubbed. */
export async function withPrograms(scripts: Readonly<Record<string, string>>): Promise<void> {
  const folder = await temporaryFolder();
  for (const [name, script] of Object.entries(scripts)) {
    await writeText(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
}

/** Pythons without pip, so that the index itself is asked. */
export const NO_PIP = {python3: 'exit 1', python: 'exit 1'};

export async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  await writeFile(path, text);
}
