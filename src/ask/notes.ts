/** Tells whoever asks of something that they should know, in sentences. */
export type OnNote = (note: string) => void;

/** Says each note once. */
export function onceEach(say: OnNote): OnNote {
  const said = new Set<string>();
  return note => {
    if (said.has(note)) return;
    said.add(note);
    say(note);
  };
}

/** What tells of things if nobody else does: a warning of Node.js, on stderr. */
export const warn: OnNote = note => process.emitWarning(note, 'LimbeckWarning');
