import {existsSync} from 'node:fs';
import {readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {InputError} from '../errors.ts';
import type {Results} from './results.ts';
import {FORMAT, resultsSchema} from './results-schema.ts';

/**
 * Reads the results of a study. They have NaN for each null of the file that stands for a number that is not finite.
 *
 * @param path - `results.json`, or the folder that holds it
 * @throws InputError if there is no such file, or if it holds no results that this version can read
 */
export async function readResults(path: string): Promise<Results> {
  const file = await resultsPath(path);
  if (!existsSync(file) && existsSync(join(path, 'joint.json'))) {
    throw new InputError(
      `${path} is a study of several questions. Give the folder of one of them, such as \`${join(path, 'questions', 'NAME')}\`.`,
    );
  }
  return readDocument(file, {format: FORMAT, schema: resultsSchema});
}

interface DocumentForm<T> {
  /** `limbeck.`, what it is, and its version. */
  readonly format: string;
  readonly schema: z.ZodType<T>;
}

/**
 * Reads a document that a study wrote.
 *
 * @throws InputError if there is no such file, or if it holds none that this version can read
 */
export async function readDocument<T>(file: string, {format, schema}: DocumentForm<T>): Promise<T> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : "can't be read";
    throw new InputError(`${file} ${problem}. Give the \`${nameOf(format)}\` of a study, or its folder.`, {cause});
  }
  const document = parsed(content);
  const written = formatOf(document);
  if (written?.split('/')[0] !== format.split('/')[0]) {
    throw new InputError(`${file} holds no results. Give the \`${nameOf(format)}\` that \`limbeck compare\` wrote.`);
  }
  if (written !== format) {
    throw new InputError(
      `${file} has the format ${written}, and this version of limbeck reads ${format}. Update limbeck.`,
    );
  }
  const {success, data, error} = schema.safeParse(document);
  if (success) return data;
  const [{path: field, message}] = error.issues as [z.core.$ZodIssue];
  throw new InputError(
    `${file} is not as \`limbeck compare\` wrote it: ${field.join('.')}: ${message}. Run \`limbeck compare\` again; kept answers cost nothing.`,
  );
}

/** The name of the file of a format. */
function nameOf(format: string): string {
  return `${/\.(\w+)/.exec(format)![1]}.json`;
}

/** @param path - `results.json`, or the folder that holds it */
export function resultsPath(path: string): Promise<string> {
  return fileIn(path, 'results.json');
}

/** @param path - the file, or the folder that holds one of this name */
export async function fileIn(path: string, name: string): Promise<string> {
  const isFolder = await stat(path).then(
    entry => entry.isDirectory(),
    () => false,
  );
  return isFolder ? join(path, name) : path;
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** The format that a document names; undefined if it is no document of a study. */
function formatOf(document: unknown): string | undefined {
  const named = z.object({schema: z.string().regex(/^limbeck\.\w+\/\d+$/)}).safeParse(document);
  return named.data?.schema;
}
