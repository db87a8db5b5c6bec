import {degrade} from '../ask/degrade.ts';
import {layerOver} from '../ask/layer.ts';
import {InputError} from '../errors.ts';
import {coarsen, describeDetail, satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import {type Gate, gatekeeper} from '../student/gate.ts';
import type {Calibration} from '../student/student.ts';
import type {Answer, Detail, Input, Outcome, Teacher} from '../teacher.ts';
import {Batcher} from './batcher.ts';
import {Cascade, type CascadeOptions} from './cascade.ts';
import {mapInSlices, type ServedClassifier} from './classifier.ts';
import {type Decided, type Decider, sharesOf, Tally} from './decision.ts';
import {RequestFailure} from './failure.ts';
import type {ServedModel} from './open-inference.ts';
import {outputsFor, type ServedInput} from './tensors.ts';
import type {Watching} from './watching.ts';

/** How a model is served. */
export interface ServedOptions {
  /** Name under which the model is served. */
  readonly model: string;
  /** Version of the model, for example the hash of its weights. */
  readonly version: string;
  /** How much of the teacher the service shows: scores or labels. */
  readonly access: 'gray-box' | 'black-box';
  /**
   * The detail of every answer.
   *
   * @default labels for black-box; for gray-box all log-probabilities, or the k best if the teacher gives no more
   */
  readonly detail?: Detail | undefined;
  /**
   * The model's input. Clients can read it, and inputs of another type or shape are refused.
   *
   * @default any input; the teacher refuses what it can't take
   */
  readonly input?: ServedInput | undefined;
  /**
   * Turns scores into confidence at `/classify` and in chats. Answers below the threshold are marked. Open Inference
   * shows the model's own scores.
   *
   * @default uncalibrated probabilities, and no threshold
   */
  readonly calibration?: Partial<Calibration> | undefined;
  /**
   * Recognises texts unlike those that the model was trained on. At `/classify` and in chats their answers are marked,
   * and a cascade passes such texts to its teacher.
   *
   * @default none: every text is accepted
   */
  readonly gate?: Gate | undefined;
  /**
   * Asks a teacher if the model's confidence is below the threshold of its calibration. Open Inference then shows the
   * answers of the two combined: log-probabilities if both give them, else labels.
   *
   * @default none: the model answers everything itself
   */
  readonly cascade?: CascadeOptions | undefined;
  /**
   * The most inputs that may wait for the model. Above it, requests are refused with 503.
   *
   * @default 4096
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Further models, each with a name of its own. They answer typed questions, at `/v1/systemone` and `/v1/decisions`.
   *
   * @default none
   */
  readonly others?: readonly OtherModel[] | undefined;
}

/** A further model of a service. The tally leaves its answers out, because it stands before no teacher. */
export interface OtherModel extends Pick<ServedOptions, 'model' | 'version' | 'input' | 'calibration' | 'gate'> {
  readonly teacher: Teacher;
}

/** Default of `maxWaiting`. */
export const MOST_WAITING = 4096;

/** A model in the forms that the routes need. */
export interface Served {
  readonly openInference: ServedModel;
  readonly classifier: ServedClassifier;
  /** Inputs that wait for the model. */
  readonly waiting: () => number;
  /** Resolves when all work that outlasts its request is done. */
  readonly settle: () => Promise<void>;
}

/**
 * Returns the first model and the further ones.
 *
 * @param onBatch - called with the number of inputs in each pass of the model
 * @param watching - demotes the student of a cascade
 * @throws KnowledgeError if the teacher can't give the detail that the service should show; InputError if teacher,
 * calibration and cascade don't fit together, or two models have the same name
 */
export function serveAll(
  teacher: Teacher,
  options: ServedOptions,
  tally: Tally,
  onBatch: (queries: number) => void,
  watching?: Watching,
): readonly [Served, ...Served[]] {
  const {model, access, detail, maxWaiting, others = []} = options;
  const names = [model, ...others.map(other => other.model)];
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new InputError(`Two models have the name \`${twice}\`. Give each a name of its own.`);
  const shared = {access, detail, maxWaiting};
  const further = others.map(other => serve(other.teacher, {...other, ...shared}, new Tally(), onBatch));
  return [serve(teacher, options, tally, onBatch, watching), ...further];
}

function serve(
  teacher: Teacher,
  options: ServedOptions,
  tally: Tally,
  onBatch: (queries: number) => void,
  watching?: Watching,
): Served {
  const {model: name, version, access, input, calibration, cascade} = options;
  const batcher = new Batcher(teacher, {onBatch});
  const model = boundedBy(batcher, options);
  const student = studentDecider(teacher, model, calibration, options.gate && strangeness(options.gate, tally));
  const decider = cascade ? new Cascade(student, cascade, tally, watching) : student;
  const decide: Decider['decide'] = async (queries, signal) => {
    const decisions = await decider.decide(queries, signal);
    tally.count(decisions);
    return decisions;
  };
  const whole = cascade
    ? asOne(teacher, cascade, decider.detail, decide)
    : unlimited(teacher, async (queries, {signal, ...asked} = {}) => {
        const outcomes = await model.ask(queries, {...asked, ...(signal && {signal})});
        tally.count(outcomes.map(outcome => ({...outcome, answeredBy: 'student'})));
        return outcomes;
      });
  const detail = options.detail ?? {kind: access === 'black-box' ? 'label' : 'log-probabilities'};
  return {
    openInference: openInferenceOf(whole, options),
    classifier: {name, version, classes: teacher.classes, detail, input, decide},
    waiting: () => batcher.waiting,
    settle: () => decider.settle(),
  };
}

function strangeness(gate: Gate, tally: Tally): (input: Input) => boolean {
  const refuses = gatekeeper(gate);
  return input => {
    const isStrange = input.kind === 'text' && refuses(input.text);
    if (isStrange) tally.strange++;
    return isStrange;
  };
}

function boundedBy(batcher: Batcher, {maxWaiting = MOST_WAITING}: ServedOptions): Pick<Batcher, 'ask'> {
  return {
    async ask(queries, options) {
      if (batcher.waiting + queries.length <= maxWaiting) return batcher.ask(queries, options);
      throw new RequestFailure(503, 'Too many inputs wait for the model. Try again in a moment.', {
        headers: {'retry-after': '1'},
      });
    },
  };
}

function openInferenceOf(
  whole: Teacher,
  {model: name, version, input, access: wanted, ...options}: ServedOptions,
): ServedModel {
  // If the cascade's teacher gives only labels, the cascade can show only labels.
  const access = options.cascade && whole.access === 'black-box' ? whole.access : wanted;
  const detail = options.detail ?? defaultDetail(access, whole);
  const shown = degrade(whole, {access, detail});
  return {
    name,
    version,
    input,
    outputs: outputsFor(detail, shown.classes),
    ask: (queries, signal) => shown.ask(queries, {signal}),
  };
}

function defaultDetail(access: ServedOptions['access'], {detail}: Teacher): Detail {
  if (access === 'black-box') return {kind: 'label'};
  return detail.kind === 'top-k' ? detail : {kind: 'log-probabilities'};
}

/** Lifts the teacher's batch limit: takes any number of queries from any number of requests. */
function unlimited(teacher: Teacher, ask: Teacher['ask']): Teacher {
  return layerOver(teacher, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY});
}

/** Presents student and cascade teacher as one teacher. */
function asOne(student: Teacher, {teacher}: CascadeOptions, detail: Detail, decide: Decider['decide']): Teacher {
  return {
    name: `cascade of ${student.name}, ${teacher.name}`,
    identity: {cascade: [student.identity, teacher.identity]},
    access: detail.kind === 'label' ? 'black-box' : 'gray-box',
    classes: student.classes,
    detail,
    maxBatch: Number.POSITIVE_INFINITY,
    concurrency: Number.POSITIVE_INFINITY,
    ask: async (queries, {signal = new AbortController().signal} = {}) =>
      (await decide(queries, signal)) as readonly Outcome[],
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
  {name, classes, detail: held}: Pick<Teacher, 'name' | 'classes' | 'detail'>,
  model: Pick<Batcher, 'ask'>,
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
    const shown = coarsen(answer, detail);
    if (temperature === 1 || shown.kind !== 'log-probabilities') return shown;
    const logits = shown.logProbabilities.map(value => value / temperature);
    return coarsen({kind: 'logits', logits, features: {}}, detail);
  };
  return {
    classes,
    detail,
    async decide(queries, signal) {
      const outcomes = await model.ask(queries, {detail, signal});
      // The gate reads each text, which takes about half a millisecond.
      return mapInSlices(outcomes, (outcome, index): Decided => {
        if ('error' in outcome) return outcome;
        const answer = calibrated(outcome.answer);
        if (isStrange?.(queries[index]!.input)) return {answer, answeredBy: 'student', abstains: true};
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
