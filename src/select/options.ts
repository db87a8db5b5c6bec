import type {Inputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Student} from '../student/student.ts';
import type {Detail} from '../teacher.ts';
import {checkCount} from '../train/check-count.ts';
import type {StopRules} from './stop.ts';
import type {Strategy} from './strategy.ts';

/** How inputs are chosen in rounds. */
export interface Selection {
  /** Chooses the inputs of every round but the first. */
  readonly by: Strategy;
  /**
   * Inputs drawn at random that are asked about first and held out: no student of a round learns from them, and all are
   * measured by them.
   *
   * @default a fifth of the most that may be asked about, 500 at most
   */
  readonly held?: number;
  /**
   * Inputs drawn at random that the first student learns from.
   *
   * @default a tenth of the most that may be asked about
   */
  readonly first?: number;
  /**
   * Inputs that are asked about in each further round.
   *
   * @default a tenth of the most that may be asked about
   */
  readonly size?: number;
  /**
   * Share of each further round that is drawn at random instead of chosen.
   *
   * @default 0
   */
  readonly explore?: number;
  /**
   * The most inputs that are looked at in each round, drawn at random: of a large pool that is far quicker.
   *
   * @default all
   */
  readonly among?: number;
  /** What ends it before the most inputs are asked about. */
  readonly stop?: StopRules;
}

export interface SelectOptions extends Selection {
  /** The most inputs that the teacher is asked about. */
  readonly most: number;
  /**
   * How many of these are drawn at random to calibrate by, and kept from all students of the rounds and all choices. The
   * knowledge says which they are.
   *
   * @default 0
   */
  readonly calibration?: number;
  /** Decides what is drawn, ties, and the seeds of students. */
  readonly seed: number;
  /** Trains a fresh student on what is known; the same knowledge and seed must give the same student. */
  readonly train: (knowledge: Knowledge, seed: number) => Promise<Student>;
  /**
   * The least that each answer must hold.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  /** Sends nothing more when it aborts. What is under way is let finish and kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called with how many inputs have an outcome, over all rounds. */
  readonly onProgress?: (done: number) => void;
}

/** A selection with nothing left out. */
export type Plan = Required<Omit<Selection, 'among' | 'stop'>> &
  Pick<SelectOptions, 'most' | 'seed'> & {
    readonly among: number;
    readonly stop: StopRules;
    readonly calibration: number;
  };

/**
 * Fills in the defaults.
 *
 * @throws InputError if a number is out of its range, or nothing would be left to choose
 */
export function planOf(
  pool: Inputs,
  options: Pick<SelectOptions, keyof Selection | 'most' | 'seed' | 'calibration'>,
): Plan {
  const {by, most, seed, calibration = 0, explore = 0, among = pool.count, stop = {}} = options;
  checkCount('most', most);
  const allowed = Math.min(most, pool.count);
  const tenth = Math.max(1, Math.round(allowed / 10));
  const {held = Math.min(500, 2 * tenth), first = tenth, size = tenth} = options;
  for (const [name, value] of Object.entries({held, first, size, among})) checkCount(name, value);
  checkShare('explore', explore);
  if (stop.agreement !== undefined) checkShare('stop.agreement', stop.agreement);
  if (stop.gain !== undefined) checkShare('stop.gain', stop.gain);
  if (held + first + calibration > allowed) {
    const apart = calibration > 0 ? `, ${calibration} to calibrate by` : '';
    throw new InputError(
      `The first round asks about ${held + first + calibration} inputs, ${held} held out and ${first} to learn from${apart}, and ` +
        `${allowed} may be asked about in all. Lower \`held\` or \`first\`, or allow more.`,
    );
  }
  return {by, most, seed, calibration, held, first, size, explore, among, stop};
}

function checkShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new InputError(`Expected \`${name}\` to be a share from 0 to 1, got ${value}.`);
}
