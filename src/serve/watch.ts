import {InputError} from '../errors.ts';
import {EProcess, type EProcessState} from '../statistics/e-process.ts';

/** What is promised of a student in a cascade. */
export interface WatchedPromise {
  /** Share of all answers, above 0 and below 1, that are at least the teacher's. */
  readonly agreement: number;
  /**
   * Probability, above 0 and below 1, with which a student that keeps the promise is never demoted, and one that breaks it
   * never taken back.
   *
   * @default 0.95
   */
  readonly confidence?: number;
}

/** Answers that were compared with the teacher's, and of these, how many went out as sure though it says otherwise. */
export interface Comparisons {
  readonly compared: number;
  readonly broken: number;
}

/** A change of standing, with what it was decided by. */
export interface StandingChange extends Comparisons {
  readonly demoted: boolean;
  /** ISO 8601. */
  readonly at: string;
}

/** All that a watch knows, to go on with it after a restart. */
export interface WatchState {
  readonly demoted: boolean;
  /** When it was last demoted or taken back, or first watched. ISO 8601. */
  readonly since: string;
  /** Tests begun so far whether the promise is broken, and whether it is kept again, of earlier students too. */
  readonly tests: {readonly broken: number; readonly kept: number};
  /** Since then. */
  readonly comparisons: Comparisons;
  readonly evidence: EProcessState;
  readonly lastChange?: StandingChange;
}

/**
 * Whether a student keeps its promise, decided anew at each comparison. The loss of a request is 1 where the student
 * answers it itself and the teacher says otherwise, else 0; the promise is that its mean is at most 1 - agreement. A student
 * is demoted where a test rejects that, and taken back where one rejects the opposite. The n-th test of either kind may be
 * wrong with probability δ · 6/(π² n²): over all demotions, returns, students and looks this sums to δ = 1 - confidence.
 *
 * It assumes that, given what came before, each request that is compared is as likely to be broken as any other one; so
 * what is compared must be drawn at random, whatever it is.
 */
export class Watch {
  readonly promise: Required<WatchedPromise>;
  readonly #onChange: (change: StandingChange) => void;
  #state: WatchState;
  #test: EProcess;

  /**
   * @param state - of an earlier watch of the same student, to go on with
   * @throws InputError where the promise can't be kept or broken
   */
  constructor(
    {agreement, confidence = 0.95}: WatchedPromise,
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

  /** @param isBroken - whether the student gave the answer and the teacher says otherwise */
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

  /** The evidence at which the test that is under way decides. */
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
 * The state of a student that nothing is known of yet.
 *
 * @param earlier - tests begun with earlier students
 */
export function beginning(earlier: WatchState['tests'] = {broken: 0, kept: 0}): WatchState {
  return begun(earlier, false, new Date().toISOString());
}

function begun({broken, kept}: WatchState['tests'], demoted: boolean, since: string): WatchState {
  return {
    ...{demoted, since},
    tests: demoted ? {broken, kept: kept + 1} : {broken: broken + 1, kept},
    comparisons: {compared: 0, broken: 0},
    evidence: new EProcess(0.5, 'above').state,
  };
}
