import {InputError} from '../errors.ts';
import {coarsen, describeDetail, satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import type {Calibration} from '../student/student.ts';
import type {Answer, Detail, Input, Teacher} from '../teacher.ts';
import {type Decider, sharesOf} from './decision.ts';
import type {Gathering} from './gather.ts';

/**
 * A model that answers everything itself, its probabilities calibrated.
 *
 * @param model - whose questions are gathered
 * @param isStrange - whether an input is unlike those that the model learned from: of these it is never sure
 * @throws InputError where it shows too little to be calibrated, or to abstain
 */
export function studentDecider(
  {name, classes, detail: held}: Pick<Teacher, 'name' | 'classes' | 'detail'>,
  model: Pick<Gathering, 'ask'>,
  calibration: Partial<Calibration> = {},
  isStrange?: (input: Input) => boolean,
): Decider {
  const {temperature = 1, threshold} = calibration;
  const detail: Detail = satisfies(held, {kind: 'log-probabilities'})
    ? {kind: 'log-probabilities'}
    : withoutFeatures(held);
  if (temperature !== 1 && detail.kind !== 'log-probabilities') {
    throw new InputError(
      `${name} gives ${describeDetail(held)}, which can't be calibrated. Leave the temperature out.`,
    );
  }
  if (threshold !== undefined && detail.kind === 'label') {
    throw new InputError(`${name} gives labels alone, which don't tell how sure it is. Leave the threshold out.`);
  }
  const calibrated = (answer: Answer): Answer => {
    const shown = coarsen(answer, detail, classes.length);
    if (temperature === 1 || shown.kind !== 'log-probabilities') return shown;
    const logits = shown.logProbabilities.map(value => value / temperature);
    return coarsen({kind: 'logits', logits, features: {}}, detail, classes.length);
  };
  return {
    ...{classes, detail},
    async decide(questions, signal) {
      const outcomes = await model.ask(questions, {detail, signal});
      return outcomes.map((outcome, index) => {
        if ('error' in outcome) return outcome;
        const answer = calibrated(outcome.answer);
        if (isStrange?.(questions[index]!.input)) return {answer, answeredBy: 'student', abstains: true};
        if (threshold === undefined) return {answer, answeredBy: 'student'};
        return {answer, answeredBy: 'student', abstains: confidenceOf(answer, classes) < threshold};
      });
    },
    settle: async () => {},
  };
}

function confidenceOf(answer: Answer, classes: readonly string[]): number {
  return sharesOf(answer, classes)?.[0]?.probability ?? 0;
}
