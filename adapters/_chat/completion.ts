/** What a language model generated for one question, whatever protocol brought it. */
export interface Completion {
  readonly text: string;
  readonly finish: Finish;
  /** A step a generated token, in order; absent where the reply holds no log-probabilities. */
  readonly steps?: readonly Step[];
}

/** Why the generation ended: by itself, at the most tokens, by a content filter, or by the model's own refusal. */
export type Finish = 'stop' | 'length' | 'filtered' | 'refused';

/** One generated token and what might have stood in its place. */
export interface Step {
  /** Undefined where the service tells the alternatives alone. */
  readonly chosen: Token | undefined;
  /** The most probable tokens; in any order, with or without the chosen one. */
  readonly alternatives: readonly Token[];
}

export interface Token {
  /** As the service writes it: not a key, since several tokens may be written alike. */
  readonly text: string;
  /** UTF-8, where the service tells; a token may hold part of a character. */
  readonly bytes?: readonly number[];
  readonly id?: number;
  /** Natural. */
  readonly logProbability: number;
}
