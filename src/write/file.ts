import {createReadStream} from 'node:fs';
import {dirname} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import {makeFolder, readLines} from '../data/files.ts';
import {isThere, type WrittenLine} from '../data/texts/written.ts';
import {InputError} from '../errors.ts';

const lineSchema: z.ZodType<WrittenLine> = z.object({
  text: z.string(),
  label: z.string(),
  origin: z.literal('written'),
  writer: z.string(),
  prompt: z.string(),
  seed: z.number(),
  request: z.number(),
});

/**
 * The lines of a file of written texts; none if there is no such file.
 *
 * @throws InputError if a line is none of `limbeck write`, so that no other file is ever replaced
 */
export async function readWrittenLines(path: string): Promise<readonly WrittenLine[]> {
  if (!(await isThere(path))) return [];
  const lines: WrittenLine[] = [];
  let number = 0;
  for await (const line of readLines(createReadStream(path))) {
    number++;
    if (line.trim() === '') continue;
    const {data} = lineSchema.safeParse(jsonOf(line));
    if (data === undefined) {
      throw new InputError(
        `${path}, line ${number}: no line that \`limbeck write\` wrote. Give another file as \`--out\`, or mend the line.`,
      );
    }
    lines.push(data);
  }
  return lines;
}

/** Replaces the file as a whole, so that it is never half written. */
export async function saveWrittenLines(path: string, lines: readonly WrittenLine[]): Promise<void> {
  makeFolder(dirname(path));
  await writeFileAtomic(path, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
