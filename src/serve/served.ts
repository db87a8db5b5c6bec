import {degrade} from '../ask/compose/degrade.ts';
import {layerOver} from '../ask/layer.ts';
import {InputError} from '../errors.ts';
import type {Detail, Outcome, Query, Teacher} from '../teacher.ts';
import {Batcher} from './batcher.ts';
import {Cascade, type CascadeOptions} from './cascade.ts';
import type {ServedClassifier} from './classifier.ts';
import {type Decided, type Decider, Tally} from './decision.ts';
import type {ServedEmbeddings} from './embeddings.ts';
import {headsServed, type ModelOptions, type ServedHead} from './heads.ts';
import type {ServedModel} from './open-inference.ts';
import {RequestFailure} from './router.ts';
import {strangeness, studentDecider} from './student-decider.ts';
import {outputsFor} from './tensors.ts';
import type {Watches} from './watches.ts';

/** How a model is served. */
export interface ServedOptions extends ModelOptions {
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
export interface OtherModel extends ModelOptions, Pick<ServedOptions, 'version'> {
  readonly teacher: Teacher;
}

/** Default of `maxWaiting`. */
export const MOST_WAITING = 4096;

/** A model in the forms that the routes need. */
export interface Served {
  /** One for each head, as all forms of a model are. */
  readonly openInference: readonly ServedModel[];
  readonly classifiers: readonly ServedClassifier[];
  /** Of a model that gives vectors, which then has no other form. */
  readonly embeddings?: ServedEmbeddings;
  /** Inputs that wait for the model. */
  readonly waiting: () => number;
  /** Resolves when all work that outlasts its request is done. */
  readonly settle: () => Promise<void>;
}

/**
 * Returns the first model and the further ones.
 *
 * @param onBatch - called with the number of inputs in each pass of the model
 * @param watches - demote the student of a cascade
 * @throws KnowledgeError if the teacher can't give the detail that the service should show; InputError if teacher,
 * calibration and cascade don't fit together, or two models, or heads, have the same name
 */
export function serveAll(
  teacher: Teacher,
  options: ServedOptions,
  tally: Tally,
  onBatch: (queries: number) => void,
  watches: Watches,
): readonly [Served, ...Served[]] {
  const {access, detail, maxWaiting, others = []} = options;
  checkVectors(teacher, options);
  const shared = {access, detail, maxWaiting};
  const further = others.map(other => serve(other.teacher, {...other, ...shared}, new Tally(), onBatch, new Map()));
  const all: readonly [Served, ...Served[]] = [serve(teacher, options, tally, onBatch, watches), ...further];
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
  watches: Watches,
): Served {
  const {model: student, version, access, input, cascade, gate} = options;
  const heads = headsServed(teacher, options);
  const batcher = new Batcher(teacher, {onBatch});
  const model = boundedBy(batcher, options);
  const waiting = () => batcher.waiting;
  if (teacher.detail.kind === 'vector') {
    const ask: ServedEmbeddings['ask'] = async (queries, signal) => {
      const outcomes = await model.ask(queries, {signal});
      tally.count(outcomes.map(outcome => ({...outcome, answeredBy: 'student'})));
      return outcomes;
    };
    const embeddings = {name: options.model, input, ask};
    return {openInference: [], classifiers: [], embeddings, waiting, settle: async () => {}};
  }
  const alone = studentDecider(teacher, heads, model, gate && strangeness(gate, tally));
  const decider = cascade ? new Cascade(alone, cascade, tally, watches) : alone;
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
    waiting,
    settle: () => decider.settle(),
  };
}

/** @throws InputError if vectors are to be shown as something else, or beside other models */
function checkVectors(teacher: Teacher, {access, detail, cascade, others = []}: ServedOptions): void {
  const isOfVectors = teacher.detail.kind === 'vector';
  const stray = others.find(other => isOfVectors || other.teacher.detail.kind === 'vector');
  if (stray !== undefined) {
    throw new InputError(
      `A model that gives vectors is served alone. Serve \`${stray.model}\` in a process of its own.`,
    );
  }
  if (!isOfVectors) return;
  if (access === 'black-box' || (detail !== undefined && detail.kind !== 'vector')) {
    throw new InputError(
      'A model that gives vectors can show nothing else. Serve it as gray-box, and leave `detail` out.',
    );
  }
  if (cascade) throw new InputError('Vectors have no confidence, so they need no cascade. Leave the teacher out.');
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
