import {createHash} from 'node:crypto';
import {createReadStream, existsSync} from 'node:fs';
import {mkdir, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {EngineError} from '../../errors.ts';
import {indexUrl} from './index-settings.ts';
import {downloadWithPip, findPip} from './pip.ts';
import {downloadFromIndex, isAnotherFile} from './simple-index.ts';
import type {StepOptions} from './step-options.ts';
import type {Target} from './target.ts';

export interface WheelOptions extends StepOptions {
  /** A line for people: what a download takes, before it starts. */
  readonly onNote?: ((line: string) => void) | undefined;
}

/**
 * Fetches a wheel, from a download that was kept or from the user's Python package index, and checks its hash.
 *
 * @param downloads - folder that keeps it
 * @param temporary - folder for what is under way, on the same disk
 * @returns path of the wheel in `downloads`
 * @throws EngineError where it can't be had or is another file
 */
export async function fetchWheel(
  target: Target,
  downloads: string,
  temporary: string,
  options: WheelOptions = {},
): Promise<string> {
  const kept = join(downloads, target.file);
  if (existsSync(kept) && (await sha256Of(kept, options.signal)) === target.sha256) return kept;
  const {project, version, bytes} = target;
  options.onNote?.(`${project} ${version}: ${Math.round(bytes / 1e6)} MB to download, three times that on disk.`);
  await mkdir(temporary, {recursive: true});
  // All of it is there only once its hash is right.
  const onProgress = (share: number) => options.onProgress?.(Math.min(share, 0.99));
  onProgress(0);
  const fresh = await download(target, temporary, {...options, onProgress});
  const sha256 = await sha256Of(fresh, options.signal);
  if (sha256 !== target.sha256) throw new EngineError(isAnotherFile(target.file, sha256));
  await mkdir(downloads, {recursive: true});
  await rename(fresh, kept);
  options.onProgress?.(1);
  await rm(temporary, {recursive: true});
  return kept;
}

async function download(target: Target, folder: string, options: StepOptions): Promise<string> {
  const python = await findPip(options.signal);
  if (python !== undefined) return downloadWithPip(python, target, folder, options);
  const path = join(folder, target.file);
  await downloadFromIndex(target, await indexUrl(), path, options);
  return path;
}

async function sha256Of(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, {highWaterMark: 1 << 20}), hash, {signal});
  return hash.digest('hex');
}
