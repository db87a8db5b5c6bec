export interface RepeatabilityOptions {
  /** How many inputs of the test split are asked about a second time, at most; drawn at random. */
  readonly inputs: number;
}

/**
 * A temperature is fitted by cross-fitting: for each part of what a student learns from, another one is trained on the other
 * parts and asked about that part. With `agreement`, some of the answers are set apart first, drawn at random. They train
 * nothing and choose nothing but the confidence below which the student abstains, so that what a cascade of student and
 * teacher promises is proven: `src/evaluate/guarantee.ts` has the theorem.
 */
export interface CalibrationOptions {
  /**
   * In how many parts the answers are divided; as many more students are trained.
   *
   * @default 5, and 3 if an assistant teaches; parts are tried until students were asked about 150 answers, if there are
   * several students about 1,000
   */
  readonly folds?: number;
  /**
   * How often a cascade of student and teacher is to agree with the teacher, over all requests, from 0 to 1, 1 excluded.
   *
   * @default nothing is promised: the student answers everything, and all answers train it
   */
  readonly agreement?: number;
  /**
   * The probability, over the draw of the answers, that it agrees so often, from 0 to 1, both excluded.
   *
   * @default 0.95
   */
  readonly confidence?: number;
  /**
   * The part of the answers that is set apart, up to 0.5.
   *
   * @default about 0.15; as many as can prove something if that is more, but half at most
   */
  readonly share?: number;
}
