/** The most characters of a text that are shown. */
const SHOWN = 60;

/** The beginning of a text in one line, for people, without control characters, which a terminal would obey. */
export function oneLine(text: string): string {
  // Only the beginning of a long text is scanned.
  const line = [
    ...text
      .slice(0, 4 * SHOWN)
      .replace(/[\p{C}\s]+/gu, ' ')
      .trim(),
  ];
  return line.length <= SHOWN ? line.join('') : `${line.slice(0, SHOWN - 1).join('')}…`;
}
