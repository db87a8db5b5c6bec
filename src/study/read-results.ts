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
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : "can't be read";
    throw new InputError(`${file} ${problem}. Give the \`results.json\` of a study, or its folder.`, {cause});
  }
  const document = parsed(content);
  const format = formatOf(document);
  if (format === undefined) {
    throw new InputError(`${file} holds no results. Give the \`results.json\` that \`limbeck compare\` wrote.`);
  }
  if (format !== FORMAT) {
    throw new InputError(
      `${file} has the format ${format}, and this version of limbeck reads ${FORMAT}. Update limbeck.`,
    );
  }
  const {success, data, error} = resultsSchema.safeParse(document);
  if (success) return data;
  const [{path: field, message}] = error.issues as [z.core.$ZodIssue];
  throw new InputError(
    `${file} is not as \`limbeck compare\` wrote it: ${field.join('.')}: ${message}. Run \`limbeck compare\` again; kept answers cost nothing.`,
  );
}

/** @param path - `results.json`, or the folder that holds it */
export async function resultsPath(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    entry => entry.isDirectory(),
    () => false,
  );
  return isFolder ? join(path, 'results.json') : path;
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** The format that a document names; undefined if it is no document of results. */
function formatOf(document: unknown): string | undefined {
  const named = z.object({schema: z.string().regex(/^limbeck\.results\/\d+$/)}).safeParse(document);
  return named.data?.schema;
}
