import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import {predicate} from '../../../src/questions.ts';
import {headsServed} from '../../../src/serve/heads.ts';
import {openWatches, type Watches} from '../../../src/serve/watches.ts';
import type {Teacher} from '../../../src/teacher.ts';

/** The results of audits of a cascade. */
export interface AuditFigures extends DemotionFigures {
  /** The same of a student with ten questions, each of which just keeps its promise. One of them changes. */
  readonly ofTenQuestions: DemotionFigures;
}

interface DemotionFigures {
  /**
   * Number of runs, of 100 with 10,000 audited answers to each question, that demote a student that just keeps its
   * promise: on any of its questions.
   */
  readonly falseAlarms: number;
  /**
   * The median number of audited answers until a student is demoted after its teacher changes one answer in ten. Before
   * the change, the promise just held for 1,000 audited answers.
   */
  readonly answersToDemote: number;
}

const AGREEMENT = 0.97;
const RUNS = 100;
const ANSWERS = 10_000;
const BEFORE = 1000;

export async function measureAudit(): Promise<AuditFigures> {
  return {...(await demotionsAmong(1)), ofTenQuestions: await demotionsAmong(10)};
}

/** Every answer is the student's own, and is wrong exactly as often as the promise allows: the hardest case. */
async function demotionsAmong(questions: number): Promise<DemotionFigures> {
  const runs = Array.from({length: RUNS}, (_, run) => run);
  const alarms: number[] = [];
  const delays: number[] = [];
  for (const run of runs) {
    alarms.push(await answersToDemotion(run, questions, ANSWERS, () => 1 - AGREEMENT));
    const changed = (answers: number, question: number) =>
      answers < BEFORE || question > 0 ? 1 - AGREEMENT : 1 - AGREEMENT * 0.9;
    delays.push((await answersToDemotion(RUNS + run, questions, ANSWERS, changed)) - BEFORE);
  }
  const after = delays.filter(delay => delay > 0).sort((one, other) => one - other);
  return {
    falseAlarms: alarms.filter(answers => answers <= ANSWERS).length,
    answersToDemote: after[Math.floor(after.length / 2)]!,
  };
}

/** Returns `most` + 1 if no question is ever demoted. */
async function answersToDemotion(
  seed: number,
  questions: number,
  most: number,
  broken: (answers: number, question: number) => number,
): Promise<number> {
  const random = seededRandom(seed, 'audited answers');
  const watches = [...(await watchesOf(questions)).values()];
  for (let answers = 0; answers < most; answers++) {
    for (const [question, {watch}] of watches.entries()) {
      watch.add(randomFraction(random) < broken(answers, question));
      if (watch.demoted) return answers + 1;
    }
  }
  return most + 1;
}

function watchesOf(count: number): Promise<Watches> {
  const list = Array.from({length: count}, (_, index) => predicate(`question ${index}`, ''));
  const several = {classes: [], questions: {list, perRequest: count, areNamesShown: false}};
  const named = count === 1 ? {classes: ['no', 'yes']} : several;
  const teacher: Teacher = {
    ...{name: 'teacher', identity: {}, access: 'black-box', detail: {kind: 'label'}, maxBatch: 1},
    ...named,
    ask: () => Promise.reject(new Error('The answers are drawn.')),
  };
  const cascade = {teacher, promise: {agreement: AGREEMENT}};
  return openWatches(headsServed(teacher, {model: 'student'}), {version: '1', cascade});
}

export function auditText({ofTenQuestions: ten, ...one}: AuditFigures): string {
  return (
    `${one.falseAlarms} of ${RUNS} runs of ${ANSWERS} audited answers demote a student that just keeps its promise; one whose ` +
    `teacher changes one answer in ten is demoted after ${one.answersToDemote} (median). With ten questions ` +
    `${ten.falseAlarms} of ${RUNS} runs demote one of them, and the one that changes after ${ten.answersToDemote}`
  );
}
