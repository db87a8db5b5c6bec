import type {Input} from '../../teacher.ts';

/** The most characters of a text that are shown. */
const SHOWN = 60;

/** The beginning of an input in one line, for people: of a text its first words, of a tensor its type and shape. */
export function inputBeginning(input: Input): string {
  if (input.kind === 'tensor') return `${input.dtype} [${input.shape.join(', ')}]`;
  // Not all of a long text is gone through.
  const line = [
    ...input.text
      .slice(0, 4 * SHOWN)
      .replace(/[\p{C}\s]+/gu, ' ')
      .trim(),
  ];
  return line.length <= SHOWN ? line.join('') : `${line.slice(0, SHOWN - 1).join('')}…`;
}
