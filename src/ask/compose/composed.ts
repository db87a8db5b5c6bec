import {KnowledgeError, LimbeckError, TeacherError} from '../../errors.ts';
import {describeDetail, satisfies} from '../../knowledge/coarsen.ts';
import type {Access, Outcome, Part, Question, Teacher} from '../../teacher.ts';
import type {LayerOptions} from '../layer.ts';
import {type AskPart, askerOf} from './parts.ts';

/** What makes a teacher of others. */
export interface Composition<A extends Access>
  extends Pick<Teacher<A>, 'name' | 'identity' | 'access' | 'classes' | 'detail'> {
  readonly parts: readonly Part[];
  /** Answers each question by asking the parts, which stand in the order of `parts`. */
  answer(questions: readonly Question[], parts: readonly AskPart[], options: LayerOptions): Promise<Outcome<A>[]>;
}

/**
 * A teacher that is made of others.
 *
 * @param teachers - those that take the parts' places
 */
export function composed<A extends Access>(
  composition: Composition<A>,
  teachers: readonly Teacher[] = composition.parts.map(({teacher}) => teacher),
): Teacher<A> {
  const {name, identity, access, classes, detail, parts} = composition;
  const askers = parts.map((part, place) => askerOf(part, teachers[place]!));
  return {
    ...{name, identity, access, classes, detail},
    maxBatch: Math.max(...teachers.map(({maxBatch}) => maxBatch)),
    // One part may have work while another's answers are awaited; none is asked more at once than it allows.
    concurrency: teachers.reduce((sum, {concurrency = 1}) => sum + concurrency, 0),
    parts: {teachers: parts, compose: others => composed(composition, others)},
    async ask(questions, options = {}) {
      const wanted = options.detail ?? detail;
      if (satisfies(detail, wanted)) return composition.answer(questions, askers, options);
      throw new KnowledgeError(
        `Teacher ${name} shows ${describeDetail(detail)}, and ${describeDetail(wanted)} was asked for.`,
      );
    },
  };
}

/** An error of a part as one of the whole. Most name their teacher, or are of all, as the end of a budget is. */
export function errorOfPart(error: Error, {name}: Pick<Teacher, 'name'>): Error {
  if (error instanceof KnowledgeError) return new KnowledgeError(`Teacher ${name}: ${error.message}`, {cause: error});
  return error instanceof LimbeckError ? error : new TeacherError(name, error.message, {cause: error});
}
