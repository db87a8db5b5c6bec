import {type CollectOptions, collectAnswered, type Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import type {TransferSet} from '../data/split.ts';
import {BudgetError, InputError, KnowledgeError, PendingError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {checkOptions} from '../options.ts';
import {featureNames} from '../student/forward.ts';
import {predictActivations, predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import type {Access} from '../teacher.ts';
import {type Plan, planOf, SELECT_KINDS, type SelectOptions} from './options.ts';
import {agreementsOf, type SelectionRound} from './round.ts';
import {SelectionRun} from './selection-run.ts';
import type {Candidates, Embeddings, Needs} from './strategy.ts';

/**
 * Asks a teacher in rounds: first about inputs drawn at random, then about inputs that a strategy chooses with students
 * that learned from the answers so far. It yields after every round, so the caller can print, save or stop in its loop.
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
  const {inputs, versions = 1} = pool;
  if (versions > 1) throw new InputError('Inputs can only be chosen without views. Give a pool without versions.');
  const {detail, signal, onProgress} = options;
  const plan = planOf(inputs, options);
  const run = new SelectionRun(plan, pool);
  let next = run.first();
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
    const students = await trainAll(learned, plan, round, options);
    try {
      const agrees = await agreementsOf(students, held, signal);
      last = run.close({round, asked: next.length, missing}, agrees, last);
      yield last;
      if (last.stopped === undefined) {
        const size = Math.min(plan.size, plan.most - run.askedCount);
        const seed = mixSeed(plan.seed, `round ${round + 1}`);
        next = await chooseNext(inputs, run.unasked(), {plan, size, students, learned, seed, signal});
      }
    } finally {
      for (const {model} of students) model.dispose();
    }
  }
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
  /** Number of inputs to choose. */
  readonly size: number;
  /** Students that were trained on the knowledge so far. */
  readonly students: readonly Student[];
  readonly learned: Knowledge;
  /** Seed of this round. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Chooses the inputs of the next round: a share at random, the others by the strategy.
 *
 * @param rows - indices in the pool of the inputs that were not asked about
 * @returns indices in the pool
 */
export async function chooseNext(pool: Inputs, rows: Int32Array, options: ChooseOptions): Promise<Int32Array> {
  const {plan, students, learned, seed, signal} = options;
  const size = Math.min(options.size, rows.length);
  const shuffled = shuffledIndices(rows.length, seed, 'inputs to choose among').map(index => rows[index]!);
  const explored = Math.round(plan.explore * size);
  const wanted = size - explored;
  if (wanted === 0) return shuffled.slice(0, size);
  // In the order of the pool, because that is quicker to read.
  const candidates = shuffled.slice(explored, explored + Math.max(wanted, plan.among)).sort();
  const looking = {needs: plan.by.needs, seed: mixSeed(seed, 'choice'), signal};
  const known = await lookAt(pool, candidates, students, learned, looking);
  const chosen = plan.by.choose(known, wanted).map(index => candidates[index]!);
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

interface LookOptions {
  readonly needs: Needs;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Computes the data about candidates that a strategy needs. */
export async function lookAt(
  pool: Inputs,
  rows: Int32Array,
  students: readonly Student[],
  learned: Knowledge,
  {needs, seed, signal}: LookOptions,
): Promise<Candidates> {
  const classes = learned.classes.length;
  const {labels} = targetsOf(learned.answers, classes);
  const known = {count: rows.length, classes, seed, labels};
  if (needs.students === 0) return {...known, logits: []};
  const inputs = selectInputs(pool, rows);
  const logits: Float32Array[] = [];
  for (const student of students.slice(0, needs.students)) logits.push(await predictLogits(student, inputs, {signal}));
  if (!needs.embeddings) return {...known, logits};
  return {...known, logits, embeddings: await embeddingsOf(students[0]!, inputs, learned.inputs, signal)};
}

/** The input of the student's last layer, or the logits of a student with a single layer. */
async function embeddingsOf(
  student: Student,
  candidates: Inputs,
  answered: Inputs,
  signal: AbortSignal | undefined,
): Promise<Embeddings> {
  const {model, classes} = student;
  const before = [model.outputs[0]!.sourceLayer.input].flat()[0]!.sourceLayer.name;
  const layer = featureNames(student).find(name => name === before);
  const read = async (inputs: Inputs): Promise<Float32Array> => {
    if (layer === undefined) return predictLogits(student, inputs, {signal});
    const outputs = await predictActivations(student, inputs, [layer], {signal});
    return withoutFirst(outputs, inputs.count, classes.length);
  };
  const [ofCandidates, ofAnswered] = [await read(candidates), await read(answered)];
  return {width: ofCandidates.length / candidates.count, candidates: ofCandidates, answered: ofAnswered};
}

/** The rows without the first of their numbers. */
function withoutFirst(values: Float32Array, count: number, first: number): Float32Array {
  const width = values.length / count;
  const rest = new Float32Array(count * (width - first));
  for (let row = 0; row < count; row++) {
    rest.set(values.subarray(row * width + first, (row + 1) * width), row * (width - first));
  }
  return rest;
}
