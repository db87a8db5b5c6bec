import type {Inputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {kinds, type Shape} from '../options.ts';
import type {Student} from '../student/student.ts';
import type {Detail} from '../teacher.ts';
import {checkCount} from '../train/defaults.ts';
import type {StopRules} from './round.ts';
import type {Strategy} from './strategy.ts';

/** How inputs are chosen in rounds. */
export interface Selection {
  /** Chooses the inputs of every round but the first. */
  readonly by: Strategy;
  /**
   * Number of inputs that are drawn at random, asked about first and held out. No student of a round learns from them,
   * and all students are measured by them.
   *
   * @default a fifth of the most that may be asked about, 500 at most
   */
  readonly held?: number;
  /**
   * Number of inputs, drawn at random, that the first student learns from.
   *
   * @default a tenth of the most that may be asked about
   */
  readonly first?: number;
  /**
   * Number of inputs that are asked about in each further round.
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
   * Most inputs that are considered in each round, drawn at random. This is far quicker for a large pool.
   *
   * @default all
   */
  readonly among?: number;
  /** Rules that end the selection before the most inputs are asked about. */
  readonly stop?: StopRules;
}

export interface SelectOptions extends Selection {
  /** The most inputs that the teacher is asked about. */
  readonly most: number;
  /**
   * Number of these inputs that are drawn at random for calibration. No student of a round and no choice uses them. The
   * knowledge names them.
   *
   * @default 0
   */
  readonly calibration?: number;
  /** Decides the draws, ties and the seeds of students. */
  readonly seed: number;
  /** Trains a fresh student on the knowledge. The same knowledge and seed must give the same student. */
  readonly train: (knowledge: Knowledge, seed: number) => Promise<Student>;
  /**
   * The least detail of each answer.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail | undefined;
  /** After an abort nothing more is sent. Requests under way finish, and their answers are kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of inputs that have an outcome, over all rounds. */
  readonly onProgress?: (done: number) => void;
}

/** The kinds of `SelectOptions`. */
export const SELECT_KINDS: Shape<SelectOptions> = {
  by: kinds.object,
  held: kinds.number,
  first: kinds.number,
  size: kinds.number,
  explore: kinds.number,
  among: kinds.number,
  stop: kinds.object,
  most: kinds.number,
  calibration: kinds.number,
  seed: kinds.number,
  train: kinds.call,
  detail: kinds.object,
  signal: kinds.object,
  onProgress: kinds.call,
};

/** The options with all defaults filled in. */
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
