import {sizeOf} from '../data/inputs.ts';
import {kindRead, readsTexts} from '../data/reading.ts';
import {classesOf, type Question} from '../question.ts';
import {requestsOf} from '../questions.ts';
import type {Gate} from '../student/gate.ts';
import {inputShapeOf} from '../student/input-shape.ts';
import type {Calibration, Student} from '../student/student.ts';
import type {Query, Teacher} from '../teacher.ts';
import type {ServedInput} from './tensors.ts';

/** How a model answers, whatever else its service does. */
export interface ModelOptions {
  /** Name under which the model is served. */
  readonly model: string;
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
}

/** The part of a query that says which question is asked. Empty for a model of one question. */
export type AskedPart = Pick<Query, 'question' | 'together'>;

/** One of the questions that a model answers. A model of one question has one head. */
export interface ServedHead {
  /** The name under which clients find it. */
  readonly name: string;
  readonly classes: readonly string[];
  /** Undefined if only its classes are known. */
  readonly question: Question | undefined;
  readonly asked: AskedPart;
  readonly calibration: Partial<Calibration>;
}

/** Heads by the question of the queries to them. The only head of a model of one question has none. */
export type ServedHeads = ReadonlyMap<Question | undefined, ServedHead>;

/** The heads of a model: one for each question of a teacher of several, with the name of the question. */
export function headsServed(
  {classes, questions}: Pick<Teacher, 'classes' | 'questions'>,
  {model, question, calibration = {}, calibrations = {}}: ModelOptions,
): ServedHeads {
  if (questions === undefined) {
    return new Map([[undefined, {name: model, classes, question, asked: {}, calibration}]]);
  }
  const requests = requestsOf(questions.list, questions);
  return new Map(
    questions.list.map((each, index) => {
      const {name} = each;
      const asked = {question: each, together: requests[index]};
      return [
        each,
        {name, classes: classesOf(each), question: each, asked, calibration: calibrations[name] ?? calibration},
      ];
    }),
  );
}

/** The options that follow from a student. */
export function servedStudent(student: Student): Omit<ModelOptions, 'model'> {
  const {question, heads = [], calibration, gate} = student;
  const calibrations = Object.fromEntries(heads.map(head => [head.question.name, head.calibration ?? {}]));
  return {question, calibration, calibrations, gate, input: servedInput(student)};
}

/** The model's input, if its shape is fixed. Clients can read it, and other inputs are refused at once. */
function servedInput({model, dtype, reading}: Student): ServedInput | undefined {
  const kind = kindRead(reading);
  if (kind !== 'tensor') return {kind};
  const shape = inputShapeOf(model).filter(length => length !== null);
  return dtype !== undefined && shape.length === inputShapeOf(model).length
    ? {kind: 'tensor', shape, dtype}
    : undefined;
}

/** The number of passes after which everything is compiled. */
const WARM = 30;

/** Compiles the model and the code that reads texts now, so that the first requests don't wait for it. */
export async function warmUp(teacher: Teacher, {model, dtype = 'float32', reading}: Student): Promise<void> {
  const question = teacher.questions?.list[0];
  if (reading?.kind === 'record') {
    await teacher.ask([{input: {kind: 'record', fields: {[reading.columns[0]!.name]: null}}, question}]);
    return;
  }
  if (readsTexts(reading)) {
    const text = 'Some words, and 1 number. '.repeat(100);
    for (let pass = 0; pass < WARM; pass++) await teacher.ask([{input: {kind: 'text', text}, question}]);
    return;
  }
  const shape = inputShapeOf(model).filter(length => length !== null);
  // A model without a fixed shape is compiled when the first input arrives.
  if (shape.length !== inputShapeOf(model).length) return;
  const data = new {uint8: Uint8Array, int32: Int32Array, float32: Float32Array}[dtype](sizeOf(shape));
  await teacher.ask([{input: {kind: 'tensor', dtype, shape, data}, question}]);
}
