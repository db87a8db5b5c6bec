import type {Inputs} from '../../data/inputs.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import {labelOf} from '../../knowledge/coarsen.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Answer, Outcome, Teacher} from '../../teacher.ts';
import {queriesAbout} from '../collect.ts';
import {composed, digestInputs, errorOfPart, isUnanswerable, passUnanswerable, reorderTo} from './composed.ts';
import {type DawidSkeneFit, dawidSkene, type LabelModel, logPosterior} from './dawid-skene.ts';
import {askTogether} from './parts.ts';

export interface LabelModelOptions {
  /**
   * The inputs that the model is fitted to. Every teacher is asked about each once. Inputs of the transfer set add no
   * cost.
   */
  readonly inputs: Inputs;
  /**
   * How many pseudo-answers each row of a confusion matrix gets, above 0; see `dawidSkene`.
   *
   * @default 1
   */
  readonly smoothing?: number;
  /** Called with the fit, before the first answer. Teachers are in their order, classes in the order of the first. */
  readonly onFit?: (fit: DawidSkeneFit) => void;
}

const KINDS = {
  inputs: kinds.object,
  smoothing: kinds.number,
  onFit: kinds.call,
} satisfies Shape<LabelModelOptions>;

/** With two teachers, nothing tells which of them is right if they differ. */
const LEAST_TEACHERS = 3;

/** Changes whenever the same answers of the teachers would give another result. */
const VERSION = 1;

/**
 * Several teachers that show labels, weighed and combined into one. The rates at which each teacher gives which class
 * to inputs of which true class are estimated from all teachers' labels of some inputs, without a true class
 * (`dawidSkene`). The answer is the probability of each class given the labels. The fewer the teachers and the less
 * often they are right, the more inputs it takes: with three teachers that are right for 95, 60 and 50 in a hundred,
 * 600 lead it astray and 3,000 do not. Only the most probable class of votes and distributions counts, because repeated
 * answers of one teacher err together. All must have the same classes. Answers use the order of the first.
 *
 * If a teacher can't answer a query, it has no influence there, as long as another one can. An error that can be gone
 * in the next run, such as the end of a budget, becomes the query's error. If it concerns an input of the fit, it
 * becomes every query's error.
 *
 * @throws InputError if there are fewer than three teachers, they have different classes, or an option is out of its
 * range
 */
export function labelModel(teachers: readonly Teacher[], options: LabelModelOptions): Teacher<'black-box'> {
  checkOptions('labelModel', options, KINDS, ['inputs']);
  const {inputs, smoothing = 1, onFit} = options;
  checkValues(teachers, options);
  const {classes} = teachers[0]!;
  const reorders = teachers.map(teacher => reorderTo(classes, teacher));
  const labelIn = (answer: Answer, index: number) => labelOf(reorders[index]!(answer));
  const beforehand = [...queriesAbout({inputs})];
  const name = `label model of ${teachers.map(teacher => teacher.name).join(', ')}`;
  return composed<'black-box', LabelModel>({
    name,
    identity: {
      labelModel: teachers.map(({identity}) => identity),
      ...{inputs: digestInputs(inputs), smoothing, version: VERSION},
    },
    access: 'black-box',
    classes,
    detail: {kind: 'log-probabilities'},
    parts: teachers.map(teacher => ({teacher, detail: {kind: 'label'}, beforehand})),
    async prepare(parts, options) {
      const asked = await askTogether(beforehand, parts, options);
      const labels = asked.map((outcomes, index) =>
        outcomes.map(outcome => {
          if ('answer' in outcome) return labelIn(outcome.answer, index);
          passUnanswerable(outcome.error);
          return NONE;
        }),
      );
      checkAnswered(teachers, labels);
      const fit = dawidSkene(labels, {classes: classes.length, smoothing});
      onFit?.(fit);
      return fit;
    },
    async answer(queries, parts, options, model) {
      const asked = await askTogether(queries, parts, options);
      return queries.map((_, row): Outcome<'black-box'> => {
        const outcomes = asked.map(answers => answers[row]!);
        const failed = failedIndex(outcomes);
        if (failed >= 0) {
          const {error} = outcomes[failed] as {readonly error: Error};
          return {error: errorOfPart(error, teachers[failed]!)};
        }
        const said = outcomes.map((outcome, index) => ('answer' in outcome ? labelIn(outcome.answer, index) : NONE));
        const logProbabilities = Float32Array.from(logPosterior(model, said));
        return {answer: {kind: 'log-probabilities', logProbabilities}};
      });
    },
  });
}

/** The label of a teacher that gave none. */
const NONE = -1;

/** The index of the error that a query has: one that can pass, or the first if nobody answered; -1 if there is none. */
function failedIndex(outcomes: readonly Outcome[]): number {
  const passing = outcomes.findIndex(outcome => 'error' in outcome && !isUnanswerable(outcome.error));
  return passing >= 0 || outcomes.some(outcome => 'answer' in outcome) ? passing : 0;
}

function checkAnswered(teachers: readonly Teacher[], labels: readonly (readonly number[])[]): void {
  const silent = teachers.find((_, index) => labels[index]!.every(label => label === NONE));
  if (silent === undefined) return;
  throw new KnowledgeError(
    `Teacher ${silent.name} answered nothing of what a label model is to be fitted to. Leave it out, or mend it.`,
  );
}

function checkValues(teachers: readonly Teacher[], {inputs, smoothing = 1}: LabelModelOptions): void {
  if (teachers.length < LEAST_TEACHERS) {
    throw new InputError(
      `A label model is of ${LEAST_TEACHERS} teachers at least, got ${teachers.length}: if two differ, nothing tells ` +
        'which of them is right.',
    );
  }
  if (inputs.count === 0) throw new InputError('A label model is fitted to inputs. Give it some, without labels.');
  if (smoothing > 0 && smoothing < Number.POSITIVE_INFINITY) return;
  throw new InputError(`Expected \`smoothing\` of a label model to be a number above 0, got ${smoothing}.`);
}
