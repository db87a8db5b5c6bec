import {InputError} from '../errors.ts';
import {EProcess, type EProcessState} from '../statistics/bounds.ts';

/** Default of `confidence`. */
export const USUAL_CONFIDENCE = 0.95;

/** The promise of a student in a cascade. */
export interface WatchedPromise {
  /** Share of all answers, above 0 and below 1, that equal the teacher's or come from it. */
  readonly agreement: number;
  /**
   * Probability, above 0 and below 1, that a student that keeps the promise is never demoted, and that one that breaks
   * it is never restored.
   *
   * @default 0.95
   */
  readonly confidence?: number | undefined;
}

/**
 * Counts of answers compared with the teacher's. `broken` counts those that were sent as sure though the teacher
 * disagrees.
 */
export interface Comparisons {
  readonly compared: number;
  readonly broken: number;
}

/** A change of standing, with the comparisons that decided it. */
export interface StandingChange extends Comparisons {
  readonly demoted: boolean;
  /** ISO 8601. */
  readonly at: string;
}

/** The state of a watch, from which it continues after a restart. */
export interface WatchState {
  readonly demoted: boolean;
  /** Time at which the student was last demoted or restored, or first watched. ISO 8601. */
  readonly since: string;
  /**
   * Number of tests begun so far: whether the promise is broken, and whether it is kept again. Tests of earlier
   * students count too.
   */
  readonly tests: {readonly broken: number; readonly kept: number};
  /** Comparisons since then. */
  readonly comparisons: Comparisons;
  readonly evidence: EProcessState;
  readonly lastChange?: StandingChange;
}

/**
 * Decides at each comparison if a student keeps its promise. The loss of a request is 1 if the student answers it
 * itself and the teacher disagrees, else 0. The promise is that the mean loss is at most 1 - agreement. A student is
 * demoted if a test rejects the promise, and restored if a test rejects its opposite. The n-th test of either kind may
 * be wrong with probability δ · 6/(π² n²). Over all demotions, returns, students and looks this sums to δ = 1 -
 * confidence.
 *
 * It assumes that, given all earlier comparisons, each compared request is equally likely to be broken. So the compared
 * requests must be drawn at random, independent of their content.
 */
export class Watch {
  readonly promise: {readonly agreement: number; readonly confidence: number};
  readonly #onChange: (change: StandingChange) => void;
  #state: WatchState;
  #test: EProcess;

  /**
   * @param state - state of an earlier watch of the same student
   * @throws InputError if `agreement` or `confidence` is not above 0 and below 1
   */
  constructor(
    {agreement, confidence = USUAL_CONFIDENCE}: WatchedPromise,
    state: WatchState = beginning(),
    onChange: (change: StandingChange) => void = () => {},
  ) {
    for (const [name, value] of Object.entries({agreement, confidence})) {
      if (!(value > 0 && value < 1)) {
        throw new InputError(`Expected \`${name}\` to be above 0 and below 1, got ${value}.`);
      }
    }
    this.promise = {agreement, confidence};
    this.#onChange = onChange;
    this.#state = state;
    this.#test = this.#testFrom(state);
  }

  get state(): WatchState {
    return {...this.#state, evidence: this.#test.state};
  }

  get demoted(): boolean {
    return this.#state.demoted;
  }

  /** @param isBroken - true if the student gave the answer and the teacher disagrees */
  add(isBroken: boolean): void {
    const {compared, broken} = this.#state.comparisons;
    const comparisons = {compared: compared + 1, broken: broken + (isBroken ? 1 : 0)};
    this.#state = {...this.#state, comparisons};
    this.#test.add(isBroken);
    if (this.#test.evidence >= this.#limit()) this.#change(comparisons);
  }

  #change(comparisons: Comparisons): void {
    const {tests} = this.#state;
    const at = new Date().toISOString();
    const demoted = !this.#state.demoted;
    const lastChange = {...comparisons, demoted, at};
    this.#state = {...begun(tests, demoted, at), lastChange};
    this.#test = this.#testFrom(this.#state);
    this.#onChange(lastChange);
  }

  /** The evidence at which the current test decides. */
  #limit(): number {
    const {demoted, tests} = this.#state;
    const number = demoted ? tests.kept : tests.broken;
    return (Math.PI ** 2 * number ** 2) / 6 / (1 - this.promise.confidence);
  }

  #testFrom({demoted, evidence}: WatchState): EProcess {
    return new EProcess(1 - this.promise.agreement, demoted ? 'below' : 'above', evidence);
  }
}

/**
 * The state of a student that was not watched before.
 *
 * @param earlier - number of tests begun with earlier students
 */
export function beginning(earlier: WatchState['tests'] = {broken: 0, kept: 0}): WatchState {
  return begun(earlier, false, new Date().toISOString());
}

function begun({broken, kept}: WatchState['tests'], demoted: boolean, since: string): WatchState {
  return {
    demoted,
    since,
    tests: demoted ? {broken, kept: kept + 1} : {broken: broken + 1, kept},
    comparisons: {compared: 0, broken: 0},
    evidence: new EProcess(0.5, 'above').state,
  };
}
