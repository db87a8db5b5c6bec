import type {LayeredTeacher} from '../ask/layer.ts';
import {mixSeed} from '../data/random.ts';
import type {TransferSet} from '../data/split.ts';
import {InputError, KnowledgeError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Student} from '../student/student.ts';
import type {Access} from '../teacher.ts';
import {askRound} from './ask-round.ts';
import {chooseNext} from './choose.ts';
import {agreementsOf} from './measure-round.ts';
import {type Plan, planOf, type SelectOptions} from './options.ts';
import type {SelectionRound} from './round.ts';
import {SelectionRun} from './selection-run.ts';

/**
 * Asks a teacher in rounds: about inputs drawn at random first, then about those that a strategy chooses by students that
 * learned from the answers so far. Yields after every round; the caller prints, saves or stops by looping.
 *
 * Chosen inputs are harder than others, and what is left without them is easier, so agreement on neither is that of the
 * pool. Some inputs are therefore drawn from the whole pool before anything is chosen, and held out from the students of
 * all rounds. They are in the knowledge of each round, for the student that is kept in the end.
 *
 * The same seed, pool, answers and engine choose the same inputs: with kept answers a selection that was stopped or killed
 * goes the same way again, and asks only what it did not ask before.
 *
 * @param teacher - with its layers, see `stack`
 * @throws InputError where the options don't fit the pool; KnowledgeError as `collectAnswered` does, and where too few of
 *   the first round were answered; PendingError where answers of a round are in a batch that has not ended
 */
export async function* selectInRounds<A extends Access>(
  teacher: LayeredTeacher<A>,
  pool: TransferSet,
  options: SelectOptions,
): AsyncGenerator<SelectionRound, void, void> {
  const {inputs, versions = 1} = pool;
  if (versions > 1) throw new InputError('Inputs are chosen as they are. Give a pool without versions.');
  const {detail, signal, onProgress} = options;
  const plan = planOf(inputs, options);
  const run = new SelectionRun(plan, pool);
  let next = run.first();
  for (let last: SelectionRound | undefined; last?.stopped === undefined; ) {
    const round: number = (last?.round ?? 0) + 1;
    const before = run.askedCount;
    const {knowledge, missing} = await askRound(teacher, inputs, next, {
      ...(detail && {detail}),
      ...(signal && {signal}),
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
      last = run.close({round, asked: next.length, missing}, await agreementsOf(students, held, options), last);
      yield last;
      if (last.stopped === undefined) {
        const size = Math.min(plan.size, plan.most - run.askedCount);
        const seed = mixSeed(plan.seed, `round ${round + 1}`);
        next = await chooseNext(inputs, run.unasked(), {plan, size, students, learned, seed, ...(signal && {signal})});
      }
    } finally {
      for (const {model} of students) model.dispose();
    }
  }
}

/** The students that choose the next inputs, the first of which is measured in any case. */
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
