import {type CollectOptions, collectAnswered, type Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import type {TransferSet} from '../data/split.ts';
import {BudgetError, InputError, KnowledgeError, PendingError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {checkOptions} from '../options.ts';
import type {Student} from '../student/student.ts';
import type {Access} from '../teacher.ts';
import {Encodings} from './encodings.ts';
import {type Learned, lookAt} from './look.ts';
import {type Plan, planOf, SELECT_KINDS, type SelectOptions} from './options.ts';
import {agreementsOf, type SelectionRound} from './round.ts';
import {SelectionRun} from './selection-run.ts';
import type {Strategy} from './strategy.ts';

/**
 * Asks a teacher in rounds: first about inputs drawn at random, or chosen by a strategy that needs no answers, then about
 * inputs that a strategy chooses with students that learned from the answers so far. It yields after every round, so the
 * caller can print, save or stop in its loop.
 *
 * Chosen inputs are harder than others, and the remaining ones are easier, so agreement on neither equals that on the
 * pool. Therefore some inputs are drawn from the whole pool before anything is chosen, and held out from the students
 * of all rounds. They are in the knowledge of each round, for the student that is kept in the end.
 *
 * The same seed, pool, answers and engine choose the same inputs. With kept answers, a selection that was stopped or
 * killed repeats the same choices, and asks only what it did not ask before.
 *
 * @param teacher - with its layers, see `stack`
 * @throws InputError if the options don't fit the pool; KnowledgeError as `collectAnswered` does, or if too few of
 *   the first round were answered; PendingError if answers of a round are in a batch that has not ended
 */
export async function* selectInRounds<A extends Access>(
  teacher: LayeredTeacher<A>,
  pool: TransferSet,
  options: SelectOptions,
): AsyncGenerator<SelectionRound, void, void> {
  checkOptions('selectInRounds', options, SELECT_KINDS, ['by', 'most', 'seed', 'train']);
  if ((pool.versions ?? 1) > 1)
    throw new InputError('Inputs can only be chosen without views. Give a pool without versions.');
  const encodings = new Encodings(options.encodings);
  try {
    yield* rounds(teacher, pool, encodings, options);
  } finally {
    await encodings.close();
  }
}

async function* rounds<A extends Access>(
  teacher: LayeredTeacher<A>,
  pool: TransferSet,
  encodings: Encodings,
  options: SelectOptions,
): AsyncGenerator<SelectionRound, void, void> {
  const {inputs} = pool;
  const {detail, signal, onProgress} = options;
  const plan = planOf(inputs, options);
  const run = new SelectionRun(plan, pool);
  let next = run.first(await chosenFirst(inputs, run.unasked(), teacher.classes, {plan, encodings, signal}));
  for (let last: SelectionRound | undefined; last?.stopped === undefined; ) {
    const round: number = (last?.round ?? 0) + 1;
    const before = run.askedCount;
    const {knowledge, missing} = await askRound(teacher, inputs, next, {
      ...(detail && {detail}),
      signal,
      onProgress: done => onProgress?.(before + done),
    });
    if (knowledge === undefined) {
      if (last === undefined) throw new KnowledgeError('The budget is at its end before the first answer. Allow more.');
      yield {...last, round, asked: next.length, missing, stopped: 'budget'};
      return;
    }
    run.add(next, knowledge, missing);
    const {learned, held} = run.knowledge();
    // Nothing that was asked in one round waits for a student.
    const isOnly = last === undefined && run.isComplete;
    const students = isOnly ? [] : await trainAll(learned, plan, round, options);
    try {
      const agrees = isOnly ? undefined : await agreementsOf(students, held, signal);
      last = run.close({round, asked: next.length, missing, held: held.inputs.count}, agrees, last);
      yield last;
      if (last.stopped === undefined) {
        const size = Math.min(plan.size, plan.most - run.askedCount);
        const seed = mixSeed(plan.seed, `round ${round + 1}`);
        const choosing = {plan, by: plan.by, size, students, learned, seed, encodings, signal};
        next = await chooseNext(inputs, run.unasked(), choosing);
      }
    } finally {
      for (const {model} of students) model.dispose();
    }
  }
}

/** The inputs that the first student learns from; undefined if they are drawn at random. */
async function chosenFirst(
  pool: Inputs,
  rows: Int32Array,
  classes: readonly string[],
  {plan, ...options}: Pick<ChooseOptions, 'plan' | 'encodings' | 'signal'>,
): Promise<Int32Array | undefined> {
  const {start: by, first: size} = plan;
  if (by === undefined) return undefined;
  const answers = {kind: 'label', count: 0, labels: new Int32Array(0)} as const;
  const learned = {classes, inputs: selectInputs(pool, []), answers};
  return chooseNext(pool, rows, {
    ...{plan, by, size, learned, students: [], seed: mixSeed(plan.seed, 'round 1')},
    ...options,
  });
}

/** Trains the students that choose the next inputs. There is at least one, which is measured. */
async function trainAll(
  learned: Knowledge,
  {by, seed}: Plan,
  round: number,
  {train, signal}: SelectOptions,
): Promise<Student[]> {
  const students: Student[] = [];
  for (let member = 0; member < Math.max(1, by.needs.students); member++) {
    signal?.throwIfAborted();
    students.push(await train(learned, mixSeed(seed, `student ${member} of round ${round}`)));
  }
  return students;
}

/** The data by which the inputs of the next round are chosen. */
export interface ChooseOptions {
  readonly plan: Plan;
  readonly by: Strategy;
  /** Number of inputs to choose. */
  readonly size: number;
  /** Students that were trained on the knowledge so far. */
  readonly students: readonly Student[];
  readonly learned: Learned;
  /** Seed of this round. */
  readonly seed: number;
  readonly encodings: Encodings;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Chooses the inputs of the next round: a share at random, the others by the strategy.
 *
 * @param rows - indices in the pool of the inputs that were not asked about
 * @returns indices in the pool
 */
export async function chooseNext(pool: Inputs, rows: Int32Array, options: ChooseOptions): Promise<Int32Array> {
  const {plan, by, students, learned, seed, encodings, signal} = options;
  const size = Math.min(options.size, rows.length);
  const shuffled = shuffledIndices(rows.length, seed, 'inputs to choose among').map(index => rows[index]!);
  const explored = Math.round(plan.explore * size);
  const wanted = size - explored;
  if (wanted === 0) return shuffled.slice(0, size);
  // In the order of the pool, because that is quicker to read.
  const among = Math.max(wanted, Math.min(plan.among, by.among ?? plan.among));
  const candidates = shuffled.slice(explored, explored + among).sort();
  const looking = {needs: by.needs, seed: mixSeed(seed, 'choice'), encodings, signal};
  const known = await lookAt(pool, candidates, students, learned, looking);
  const chosen = by.choose(known, wanted).map(index => candidates[index]!);
  return Int32Array.from([...shuffled.slice(0, explored), ...chosen]);
}

/** The teacher's answers about the inputs of one round. */
interface RoundAnswers {
  /** Knowledge of the answered inputs, in their order; undefined if the budget ended before the first. */
  readonly knowledge: Knowledge | undefined;
  /** The other inputs, by their indices in the pool. */
  readonly missing: readonly Missing[];
}

/**
 * Asks a teacher about the inputs of one round.
 *
 * @param rows - their indices in the pool
 * @throws KnowledgeError as `collectAnswered` does, except at the end of a budget; PendingError if an answer is in a
 *   batch that has not ended, because the next choice depends on it
 */
async function askRound<A extends Access>(
  teacher: LayeredTeacher<A>,
  pool: Inputs,
  rows: Int32Array,
  options: CollectOptions,
): Promise<RoundAnswers> {
  const transfer = {role: 'transfer', inputs: selectInputs(pool, rows)} as const;
  const collection = await collectAnswered(teacher, transfer, options).catch((error: unknown) => {
    if (!(error instanceof KnowledgeError && error.cause instanceof BudgetError)) throw error;
    const {cause} = error;
    return {knowledge: undefined, missing: Array.from(rows, (_, index) => ({index, error: cause}))};
  });
  const pending = collection.missing.find(({error}) => error instanceof PendingError);
  if (pending) throw pending.error;
  const missing = collection.missing.map(({index, error}) => ({index: rows[index]!, error}));
  return {knowledge: collection.knowledge, missing};
}
