import {InputError} from '../../errors.ts';
import {type Block, linesOf} from './blocks.ts';
import {type FieldNames, fieldNames, recordOf, shownType} from './fields.ts';
import type {TextFields, TextRecord} from './record.ts';

/** JSON lines: on each a text, or an object that holds it. Blank lines are no texts. */
export async function* jsonLineTexts(
  blocks: AsyncIterable<Block>,
  file: string,
  fields: TextFields,
): AsyncGenerator<readonly TextRecord[]> {
  const names = fieldNames(fields);
  for await (const block of blocks) {
    const records: TextRecord[] = [];
    for (const [index, line] of linesOf(block.text).entries()) {
      if (line.trim() !== '') records.push(readLine(line, {file, line: block.line + index}, names, fields));
    }
    yield records;
  }
}

function readLine(
  content: string,
  place: {readonly file: string; readonly line: number},
  names: FieldNames,
  fields: TextFields,
): TextRecord {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    const advice =
      place.line === 1 && /^\s*[[{]\s*$/.test(content)
        ? 'The file looks like one JSON document: write it as JSON lines, such as with `jq -c ".[]"`.'
        : 'Write one JSON text or object a line.';
    throw new InputError(`${place.file}, line ${place.line}: not JSON. ${advice}`, {cause});
  }
  if (typeof value === 'string') return {text: value, ...place};
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return recordOf(value, place, names, fields);
  throw new InputError(
    `${place.file}, line ${place.line}: ${shownType(value)}. Write a JSON text, or an object with the field \`${names.text}\`.`,
  );
}
