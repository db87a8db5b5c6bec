import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import {Watch} from '../../../src/serve/watch.ts';

/** The results of audits of a cascade. */
export interface AuditFigures {
  /** Number of runs, of 100 with 10,000 audited answers, that demote a student that just keeps its promise. */
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

/** Every answer is the student's own, and is wrong exactly as often as the promise allows: the hardest case. */
export function measureAudit(): AuditFigures {
  const runs = Array.from({length: RUNS}, (_, run) => run);
  const alarms = runs.map(run => answersToDemotion(run, ANSWERS, () => 1 - AGREEMENT));
  const changed = (answers: number) => (answers < BEFORE ? 1 - AGREEMENT : 1 - AGREEMENT * 0.9);
  const delays = runs
    .map(run => answersToDemotion(RUNS + run, ANSWERS, changed) - BEFORE)
    .filter(delay => delay > 0)
    .sort((one, other) => one - other);
  return {
    falseAlarms: alarms.filter(answers => answers <= ANSWERS).length,
    answersToDemote: delays[Math.floor(delays.length / 2)]!,
  };
}

/** Returns `most` + 1 if the student is never demoted. */
function answersToDemotion(seed: number, most: number, broken: (answers: number) => number): number {
  const random = seededRandom(seed, 'audited answers');
  const watch = new Watch({agreement: AGREEMENT});
  for (let answers = 0; answers < most; answers++) {
    watch.add(randomFraction(random) < broken(answers));
    if (watch.demoted) return answers + 1;
  }
  return most + 1;
}

export function auditText({falseAlarms, answersToDemote}: AuditFigures): string {
  return (
    `${falseAlarms} of ${RUNS} runs of ${ANSWERS} audited answers demote a student that just keeps its promise; one whose ` +
    `teacher changes one answer in ten is demoted after ${answersToDemote} (median)`
  );
}
