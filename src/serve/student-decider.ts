import {InputError} from '../errors.ts';
import {coarsen, describeDetail, satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import {type Gate, gatekeeper} from '../student/gate.ts';
import type {Answer, Detail, Input, Teacher} from '../teacher.ts';
import type {Batcher} from './batcher.ts';
import {mapInSlices} from './classifier.ts';
import {type Decided, type Decider, sharesOf, type Tally} from './decision.ts';
import type {ServedHead, ServedHeads} from './heads.ts';

/** Says whether an input is unlike those that the student was trained on, and counts it. */
export function strangeness(gate: Gate, tally: Tally): (input: Input) => boolean {
  const refuses = gatekeeper(gate);
  return input => {
    const isStrange = input.kind === 'text' && refuses(input.text);
    if (isStrange) tally.strange++;
    return isStrange;
  };
}

/**
 * A model that answers everything itself, with calibrated probabilities.
 *
 * @param model - batches its queries
 * @param isStrange - returns true if an input is unlike those that the model was trained on; the model then abstains
 * @throws InputError if its answers hold too little to be calibrated, or to abstain
 */
export function studentDecider(
  {name, detail: held}: Pick<Teacher, 'name' | 'detail'>,
  heads: ServedHeads,
  model: Pick<Batcher, 'ask'>,
  isStrange?: (input: Input) => boolean,
): Decider {
  const detail: Detail = satisfies(held, {kind: 'log-probabilities'})
    ? {kind: 'log-probabilities'}
    : withoutFeatures(held);
  const calibrations = [...heads.values()].map(({calibration}) => calibration);
  if (detail.kind !== 'log-probabilities' && calibrations.some(({temperature = 1}) => temperature !== 1)) {
    throw new InputError(
      `${name} gives ${describeDetail(held)}, which can't be calibrated. Leave the temperature out.`,
    );
  }
  if (detail.kind === 'label' && calibrations.some(({threshold}) => threshold !== undefined)) {
    throw new InputError(`${name} gives labels alone, which don't tell how sure it is. Leave the threshold out.`);
  }
  const calibrated = (answer: Answer, {calibration: {temperature = 1}}: ServedHead): Answer => {
    const shown = coarsen(answer, detail);
    if (temperature === 1 || shown.kind !== 'log-probabilities') return shown;
    const logits = shown.logProbabilities.map(value => value / temperature);
    return coarsen({kind: 'logits', logits, features: {}}, detail);
  };
  return {
    heads,
    detail,
    async decide(queries, signal) {
      const outcomes = await model.ask(queries, {detail, signal});
      const isStrangeInput = onceEach(isStrange);
      // The gate reads each text, which takes about half a millisecond.
      return mapInSlices(outcomes, (outcome, index): Decided => {
        if ('error' in outcome) return outcome;
        const {input, question} = queries[index]!;
        const head = heads.get(question)!;
        const {threshold} = head.calibration;
        const answer = calibrated(outcome.answer, head);
        if (isStrangeInput(input)) return {answer, answeredBy: 'student', abstains: true};
        if (threshold === undefined) return {answer, answeredBy: 'student'};
        return {answer, answeredBy: 'student', abstains: confidenceOf(answer, head.classes) < threshold};
      });
    },
    settle: async () => {},
  };
}

/** Asks once about each input, however many queries are about it. */
function onceEach(isStrange: (input: Input) => boolean = () => false): (input: Input) => boolean {
  const known = new Map<Input, boolean>();
  return input => {
    const is = known.get(input) ?? isStrange(input);
    known.set(input, is);
    return is;
  };
}

function confidenceOf(answer: Answer, classes: readonly string[]): number {
  return sharesOf(answer, classes)?.[0]?.probability ?? 0;
}
