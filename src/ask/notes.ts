/** Receives a note that the user should know, in sentences. */
export type OnNote = (note: string) => void;

/** Passes each note on once. */
export function onceEach(say: OnNote): OnNote {
  const said = new Set<string>();
  return note => {
    if (said.has(note)) return;
    said.add(note);
    say(note);
  };
}

/** The default receiver of notes: a warning of Node.js, on stderr. */
export const warn: OnNote = note => process.emitWarning(note, 'LimbeckWarning');

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
