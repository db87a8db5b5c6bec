import {labelReader} from '../../data/human-table/table.ts';
import {unpacked} from '../../data/logs/messages.ts';
import type {LoggedRecord} from '../../data/logs/record.ts';
import {type Fields, isFields} from '../../data/logs/rows.ts';
import {TeacherError} from '../../errors.ts';
import {describeDetail, detailOf, heldDetail} from '../../knowledge/coarsen.ts';
import type {Answer, Detail, Teacher} from '../../teacher.ts';
import {shown} from '../keep/kept-answers.ts';

/** The answer of a logged record, or the reason that there is none. */
export type ReadLogged =
  | {readonly answer: Answer; readonly detail: Detail}
  /** A label outside the class list. */
  | {readonly unknownLabel: string}
  /** The detail of an answer that is not enough. */
  | {readonly tooLittle: string}
  | {readonly unreadable: string};

interface Held {
  readonly answer: Answer;
  readonly detail: Detail;
}

type Unread = Exclude<ReadLogged, Held>;

const NOTHING: Unread = {unreadable: 'it holds no answer'};

/**
 * Makes a reader of logged answers. A service's own reply is read as the teacher reads its replies, with its codes and
 * aliases. A label is one of the teacher's codes, class names and aliases.
 *
 * @param wanted - the least that an answer must hold
 */
export function loggedReader(teacher: Teacher, wanted: Detail): (record: LoggedRecord) => ReadLogged {
  const classOf = classOfTeacher(teacher);
  const checked = (read: ReadLogged): ReadLogged => {
    if (!('answer' in read)) return read;
    const answer = shown(read, teacher, wanted);
    if (answer === undefined) return {tooLittle: describeDetail(read.detail)};
    return {answer, detail: answer === read.answer ? read.detail : detailOf(answer)};
  };
  if (teacher.access === 'black-box') {
    return record =>
      checked(
        byService(record, teacher, wanted) ?? labelled(record, classOf) ?? scored(record, teacher, classOf) ?? NOTHING,
      );
  }
  return record => {
    const scores = scored(record, teacher, classOf);
    if (scores !== undefined && !('answer' in scores)) return scores;
    const own = byService(record, teacher, wanted);
    if (own !== undefined && isOffCodes(own)) return OFF_CODES;
    const enough = [scores, own].map(read => read && checked(read)).find(read => read && 'answer' in read);
    if (enough) return enough;
    const label = labelled(record, classOf);
    const fullest = [scores, own, label].find(read => read && 'answer' in read);
    return fullest ? checked(fullest) : (own ?? label ?? NOTHING);
  };
}

const OFF_CODES: Unread = {
  unreadable: "its tokens are hardly codes of the classes; if they are the names, give the teacher `codes: 'names'`",
};

/** The most probability that the codes of the classes may leave to other tokens. */
const MOST_REST = 0.9;

/** Whether the probabilities of tokens say next to nothing about the classes, as those of other words than the codes. */
function isOffCodes(read: ReadLogged): boolean {
  return 'answer' in read && read.answer.kind === 'top-k' && read.answer.rest > MOST_REST;
}

/** The index of the class that a text means. */
type ClassOf = (said: string) => number | undefined;

function classOfTeacher({classes, service}: Teacher): ClassOf {
  const read = labelReader(classes);
  return said => {
    const own = service?.labelOf?.(said);
    if (own !== undefined) return own;
    const label = read(said.trim());
    return typeof label === 'number' ? label : undefined;
  };
}

function labelled({reply}: LoggedRecord, classOf: ClassOf): ReadLogged | undefined {
  if (reply?.text === undefined) return undefined;
  const label = classOf(reply.text);
  return label === undefined ? {unknownLabel: reply.text} : held({kind: 'label', label});
}

function held(answer: Answer): Held {
  return {answer, detail: detailOf(answer)};
}

/** Reads a reply as the teacher's service reads its own; undefined if it is no reply of such a service. */
function byService(record: LoggedRecord, {service}: Teacher, wanted: Detail): ReadLogged | undefined {
  const document = record.reply?.document ?? withTokens(record);
  if (service === undefined || document === undefined) return undefined;
  try {
    const [outcome] = service.read({status: 200, headers: {}, body: JSON.stringify(document)}, 1, wanted);
    if (outcome === undefined) return undefined;
    if ('answer' in outcome) return {answer: outcome.answer, detail: heldDetail(outcome.answer, wanted)};
    return problemOf(outcome.error);
  } catch {
    return undefined;
  }
}

function problemOf(error: Error): Unread | undefined {
  if (!(error instanceof TeacherError)) return {unreadable: error.message};
  const {said, unreadable, message} = error;
  if (said) return {unknownLabel: said.text};
  // A reply of another protocol is read by its text.
  return unreadable ? undefined : {unreadable: message};
}

/** A text and its tokens as the completion that they came in. */
function withTokens({reply, logprobs}: LoggedRecord): Fields | undefined {
  const value = unpacked(logprobs);
  const content = isFields(value) ? value['content'] : value;
  if (!Array.isArray(content) || !isFields(content[0]) || reply?.text === undefined) return undefined;
  return {choices: [{index: 0, finish_reason: 'stop', message: {content: reply.text}, logprobs: {content}}]};
}

/** How far a sum of probabilities can be from 1. */
const TOLERANCE = 1e-3;

/** The smallest probability; a smaller one becomes this, so that its logarithm is finite. */
const LEAST = Math.log(1e-38);

/** Reads probabilities, or log-probabilities, of named classes; undefined if there are none. */
function scored({probabilities, logprobs}: LoggedRecord, {classes}: Teacher, classOf: ClassOf): ReadLogged | undefined {
  const isLog = probabilities === undefined;
  const scores = scoresIn(unpacked(isLog ? logprobs : probabilities), classes);
  if (scores === undefined) return undefined;
  const logs = new Map<number, number>();
  for (const [name, score] of scores) {
    const label = classOf(name);
    if (label === undefined) return {unknownLabel: name};
    if (logs.has(label)) return {unreadable: `it scores class \`${classes[label]}\` twice`};
    const value = score === '' || score === null ? Number.NaN : Number(score);
    if (Number.isNaN(value) || (!isLog && value < 0))
      return {unreadable: `the score of \`${name}\` is ${String(score)}`};
    logs.set(label, isLog ? value : Math.log(value));
  }
  return distribution(logs, classes.length);
}

function scoresIn(
  value: unknown,
  classes: readonly string[],
): readonly (readonly [name: string, score: unknown])[] | undefined {
  if (isFields(value)) {
    const entries = Object.entries(value);
    return entries.length > 0 && !Array.isArray(value['content']) ? entries : undefined;
  }
  const list = ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value;
  if (!Array.isArray(list) || list.length !== classes.length || list.some(score => typeof score !== 'number'))
    return undefined;
  return list.map((score, label) => [classes[label]!, score] as const);
}

function distribution(logs: ReadonlyMap<number, number>, classes: number): ReadLogged {
  const mass = [...logs.values()].reduce((sum, log) => sum + Math.exp(log), 0);
  const isWhole = logs.size === classes;
  if (mass > 1 + TOLERANCE || (isWhole && mass < 1 - TOLERANCE)) {
    return {unreadable: `its probabilities sum to ${mass.toPrecision(4)}, not 1`};
  }
  const bounded = (log: number) => Math.min(0, Math.max(log, LEAST));
  if (isWhole) {
    const logProbabilities = Float32Array.from({length: classes}, (_, label) => bounded(logs.get(label)!));
    return held({kind: 'log-probabilities', logProbabilities});
  }
  const named = [...logs].sort(([, one], [, other]) => other - one);
  return held({
    kind: 'top-k',
    classes: Int32Array.from(named, ([label]) => label),
    logProbabilities: Float32Array.from(named, ([, log]) => bounded(log)),
    rest: Math.max(0, 1 - mass),
  });
}
