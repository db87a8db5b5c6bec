import {degrade} from '../ask/degrade.ts';
import {layerOver} from '../ask/layer.ts';
import {InputError} from '../errors.ts';
import type {Question} from '../question.ts';
import type {Gate} from '../student/gate.ts';
import type {Calibration} from '../student/student.ts';
import type {Detail, Outcome, Query, Teacher} from '../teacher.ts';
import {Batcher} from './batcher.ts';
import {Cascade, type CascadeOptions} from './cascade.ts';
import type {ServedClassifier} from './classifier.ts';
import {type Decided, type Decider, Tally} from './decision.ts';
import {RequestFailure} from './failure.ts';
import {headsServed, type ServedHead} from './heads.ts';
import type {ServedModel} from './open-inference.ts';
import {strangeness, studentDecider} from './student-decider.ts';
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
   * The calibration of each question of a teacher that has several, by name.
   *
   * @default `calibration`
   */
  readonly calibrations?: Readonly<Record<string, Partial<Calibration>>> | undefined;
  /**
   * The question that the classes answer. Typed questions of another type or name are left to other models, if there
   * are such.
   *
   * @default none: the model answers what has its classes as options
   */
  readonly question?: Question | undefined;
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
export interface OtherModel
  extends Pick<ServedOptions, 'model' | 'version' | 'input' | 'question' | 'calibration' | 'calibrations' | 'gate'> {
  readonly teacher: Teacher;
}

/** Default of `maxWaiting`. */
export const MOST_WAITING = 4096;

/** A model in the forms that the routes need. */
export interface Served {
  /** One for each head, as all forms of a model are. */
  readonly openInference: readonly ServedModel[];
  readonly classifiers: readonly ServedClassifier[];
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
 * calibration and cascade don't fit together, or two models, or heads, have the same name
 */
export function serveAll(
  teacher: Teacher,
  options: ServedOptions,
  tally: Tally,
  onBatch: (queries: number) => void,
  watching?: Watching,
): readonly [Served, ...Served[]] {
  const {access, detail, maxWaiting, others = []} = options;
  const shared = {access, detail, maxWaiting};
  const further = others.map(other => serve(other.teacher, {...other, ...shared}, new Tally(), onBatch));
  const all: readonly [Served, ...Served[]] = [serve(teacher, options, tally, onBatch, watching), ...further];
  const names = all.flatMap(({classifiers}) => classifiers.map(({name}) => name));
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new InputError(`Two models have the name \`${twice}\`. Give each a name of its own.`);
  return all;
}

function serve(
  teacher: Teacher,
  options: ServedOptions,
  tally: Tally,
  onBatch: (queries: number) => void,
  watching?: Watching,
): Served {
  const {model: student, version, access, input, cascade, gate} = options;
  const heads = headsServed(teacher, options);
  const batcher = new Batcher(teacher, {onBatch});
  const model = boundedBy(batcher, options);
  const alone = studentDecider(teacher, heads, model, gate && strangeness(gate, tally));
  const decider = cascade ? new Cascade(alone, cascade, tally, watching) : alone;
  const counted = (queries: readonly Query[], decisions: readonly Decided[]) => {
    for (const [index, query] of queries.entries()) for (const each of tally.of(query)) each.count([decisions[index]!]);
  };
  const decide: Decider['decide'] = async (queries, signal) => {
    const decisions = await decider.decide(queries, signal);
    counted(queries, decisions);
    return decisions;
  };
  const ask: Teacher['ask'] = async (queries, {signal, ...asked} = {}) => {
    const outcomes = await model.ask(queries, {...asked, ...(signal && {signal})});
    counted(
      queries,
      outcomes.map(outcome => ({...outcome, answeredBy: 'student'})),
    );
    return outcomes;
  };
  const all = [...heads.values()];
  const detail = options.detail ?? {kind: access === 'black-box' ? 'label' : 'log-probabilities'};
  return {
    openInference: all.map(head => {
      const whole = cascade ? asOne(teacher, cascade, decider.detail, decide) : unlimited(teacher, ask);
      return openInferenceOf(aboutHead(whole, head), {...options, model: head.name});
    }),
    classifiers: all.map(({name, classes, question, asked}) => ({
      ...{name, version, student, classes, question, asked, detail, input, decide},
    })),
    waiting: () => batcher.waiting,
    settle: () => decider.settle(),
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

/** A teacher about the question of one head. */
function aboutHead(teacher: Teacher, {classes, asked}: ServedHead): Teacher {
  const ask: Teacher['ask'] = (queries, options) =>
    teacher.ask(
      queries.map(query => ({...query, ...asked})),
      options,
    );
  return layerOver(teacher, {ask, classes, questions: undefined});
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
