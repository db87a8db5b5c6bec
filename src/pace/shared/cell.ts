/** What a cell holds when it was looked at. */
export interface Seen {
  /** Milliseconds of the clock that all processes share. */
  readonly now: number;
  /** Names the text: another text has another version. Empty if there is none. */
  readonly version: string;
  /** Undefined if the version is the one that the process knew: so is the text. */
  readonly text: string | undefined;
  /** When the server was last seen to have been started again: it may have lost what was written just before. 0: never. */
  readonly restartedAt: number;
}

/** A text that several processes keep together. */
export interface Cell {
  /**
   * Writes a text if the version is still the one given, and returns what the cell holds then.
   *
   * @param known - the version that the process knows
   * @param next - the text to write, under a version that was never used
   * @default next nothing is written
   */
  exchange(known: string, next?: {readonly version: string; readonly text: string}): Promise<Seen>;
}
