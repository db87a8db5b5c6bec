import {partFile} from '../data/files.ts';
import type {ModelOptions, ServedHead, ServedHeads} from './heads.ts';
import {routeOf, type TeacherGatewayOptions} from './teacher-gateway.ts';
import {type StandingChange, USUAL_CONFIDENCE, type WatchedPromise} from './watch.ts';
import {openWatching, type Watching} from './watching.ts';

/** The promises of a cascade's student. */
export interface PromiseOptions {
  /**
   * The promise that the audits hold the student to. If the student breaks it, it is demoted. Each question of a student
   * with several is held to it, and demoted by itself.
   *
   * @default the guarantee of its calibration; without one it is never demoted
   */
  readonly promise?: WatchedPromise | undefined;
  /**
   * The promise of each question of a student with several, by name.
   *
   * @default `promise`
   */
  readonly promises?: Readonly<Record<string, WatchedPromise>> | undefined;
  /**
   * The file that keeps whether the student is demoted. Each service needs its own. A student with several questions has
   * one for each: `tickets.watch.json` becomes `tickets.watch.urgent.json`.
   *
   * @default none: a restart forgets it
   */
  readonly watchFile?: string | undefined;
  /**
   * Called when the student is demoted or restored.
   *
   * @param question - name of the question that changes; undefined for a student of one question
   */
  readonly onStanding?: ((change: StandingChange, question: string | undefined) => void) | undefined;
}

/** Watches by the name of their question; of a student of one question, by undefined. */
export type Watches = ReadonlyMap<string | undefined, Watching>;

/** What is watched. */
interface WatchedService extends Pick<ModelOptions, 'calibration'> {
  readonly version: string;
  readonly cascade?: WatchedCascade | undefined;
}

interface WatchedCascade extends PromiseOptions, Pick<TeacherGatewayOptions, 'teacher' | 'onTrouble'> {}

/**
 * Watches each question whose answers are promised. n promises share the error δ = 1 - confidence: each is watched with
 * the confidence 1 - δ/n. So the probability that any question that keeps its promise is ever demoted is at most δ,
 * however the answers depend on each other (Bonferroni).
 *
 * @throws InputError if a promise is invalid, a file holds something else, or the teacher does not answer a question;
 * KnowledgeError if a file can't be written
 */
export async function openWatches(heads: ServedHeads, {cascade, ...service}: WatchedService): Promise<Watches> {
  const watches = new Map<string | undefined, Watching>();
  if (cascade === undefined) return watches;
  const {promise: whole, promises = {}, watchFile, onStanding = () => {}, onTrouble = () => {}} = cascade;
  const promised = [...heads].flatMap(([question, head]) => {
    const name = question?.name;
    const own = name !== undefined && Object.hasOwn(promises, name) ? promises[name] : undefined;
    const promise = own ?? whole ?? head.calibration.guarantee;
    return promise ? [{name, head, promise}] : [];
  });
  for (const {name, head, promise} of promised) {
    const own = partOf(promised.length, promise);
    const watching = await openWatching({
      promise: own,
      path: name === undefined || watchFile === undefined ? watchFile : partFile(watchFile, name),
      subject: {...subjectOf(head, cascade, service), ...own},
      onChange: change => onStanding(change, name),
      onTrouble,
    });
    watches.set(name, watching);
  }
  return watches;
}

/** The promise with its part of the error that `count` promises share. */
function partOf(count: number, {agreement, confidence}: WatchedPromise): WatchedPromise {
  if (count === 1) return {agreement, confidence};
  return {agreement, confidence: 1 - (1 - (confidence ?? USUAL_CONFIDENCE)) / count};
}

/** Identifies the student and the teacher of a question. */
function subjectOf(
  head: ServedHead,
  {teacher}: WatchedCascade,
  {version, calibration}: Pick<WatchedService, 'version' | 'calibration'>,
): object {
  const {identity} = teacher;
  if (head.asked.question === undefined) return {version, teacher: identity, calibration};
  return {version, teacher: identity, calibration: head.calibration, asked: routeOf(head, teacher).asked};
}
