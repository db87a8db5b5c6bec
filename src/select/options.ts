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
  /** Chooses the inputs of every round but the first; of the first as well if it needs no answers. */
  readonly by: Strategy;
  /**
   * Chooses the inputs that the first student learns from. It must need no student, such as `medoids({encoder})`.
   *
   * @default `by` if it has an encoder and needs no student, else they are drawn at random
   */
  readonly start?: Strategy | undefined;
  /**
   * Number of inputs that are drawn at random, asked about first and held out. No student of a round learns from them,
   * and all students are measured by them.
   *
   * @default a fifth of the most that may be asked about, 500 at most
   */
  readonly held?: number;
  /**
   * Number of inputs that the first student learns from. They are drawn at random, or chosen by `start`.
   *
   * @default a tenth of the most that may be asked about; `size` if `by` chooses these as well, since it waits for no answer
   */
  readonly first?: number;
  /**
   * Number of inputs that are asked about in each further round.
   *
   * @default a tenth of the most that may be asked about
   */
  readonly size?: number;
  /**
   * Share of each chosen round that is drawn at random instead of chosen.
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
   * The folder of a cache, such as `.limbeck`, in which encodings are kept for the next selection.
   *
   * @default none: they are in memory
   */
  readonly encodings?: string | undefined;
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
  start: kinds.object,
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
  encodings: kinds.text,
  detail: kinds.object,
  signal: kinds.object,
  onProgress: kinds.call,
};

/** The options with all defaults filled in. */
export type Plan = Required<Omit<Selection, 'start' | 'among' | 'stop'>> &
  Pick<SelectOptions, 'most' | 'seed'> & {
    /** Undefined if the first inputs are drawn. */
    readonly start: Strategy | undefined;
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
  const {held = Math.min(500, 2 * tenth), size = tenth} = options;
  const start = startOf(options);
  const left = Math.max(1, allowed - held - calibration);
  const {first = start === by ? Math.min(size, left) : tenth} = options;
  for (const [name, value] of Object.entries({held, first, size, among})) checkCount(name, value);
  for (const strategy of [by, start]) checkEncodable(strategy, pool);
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
  return {by, start, most, seed, calibration, held, first, size, explore, among, stop};
}

/**
 * The strategy that chooses the first inputs; undefined if they are drawn.
 *
 * @throws InputError if it needs a student
 */
function startOf({by, start = by}: Pick<Selection, 'by' | 'start'>): Strategy | undefined {
  if (start.needs.students === 0) return start.needs.encoder === undefined ? undefined : start;
  if (start === by) return undefined;
  throw new InputError(
    `\`start\` chooses before anything is answered, and ${start.name} needs a student that learned from answers. ` +
      'Give it an encoder, or another strategy, such as `medoids({encoder})`.',
  );
}

/** @throws InputError if a strategy encodes inputs that are no texts */
function checkEncodable(strategy: Strategy | undefined, {kind}: Inputs): void {
  if (strategy?.needs.encoder === undefined || kind === 'text') return;
  throw new InputError(
    `${strategy.name} compares inputs by an encoder of texts, and these are of kind ${kind}. Leave \`encoder\` out.`,
  );
}

/** How many of the inputs are drawn at random and how many are chosen, for people: a sentence. */
export function describeShares({by, start, held, first, calibration, most, explore}: Plan): string {
  const rest = most - held - calibration - first;
  const parts = [
    // Without a further round nothing is measured.
    `${held} drawn at random${rest > 0 ? ' to measure by' : ''}`,
    ...(calibration > 0 ? [`${calibration} drawn at random to calibrate by`] : []),
    `${first} ${start ? `chosen by ${start.name}` : 'drawn at random'} to begin with`,
  ];
  if (rest > 0) {
    parts.push(`${rest} chosen by ${by.name}${explore > 0 ? ` (${Math.round(100 * explore)} % of them drawn)` : ''}`);
  }
  return `${parts.join(', ')}. Only inputs drawn at random stand for future ones`;
}

/** The names of the strategies, for people. */
export function strategyName({by, start}: Pick<Selection, 'by' | 'start'>): string {
  return start === undefined || start === by ? by.name : `${start.name}, then ${by.name}`;
}

function checkShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new InputError(`Expected \`${name}\` to be a share from 0 to 1, got ${value}.`);
}
