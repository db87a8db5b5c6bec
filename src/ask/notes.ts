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
