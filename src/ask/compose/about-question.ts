import {InputError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import {classesOf, type Question} from '../../question.ts';
import {detailFor, requestsOf} from '../../questions.ts';
import type {Access, Json, Outcome, Part, Query, Teacher} from '../../teacher.ts';
import {composed, errorOfPart} from './composed.ts';
import {byWholes, samplesOf} from './parts.ts';

export interface AboutQuestionOptions {
  /**
   * The questions that are asked with it, by name: one request carries all that are not answered yet. Their answers are
   * kept, so that a teacher about each of them finds them. If the teacher's questions influence each other, an answer
   * among these questions is another one than an answer among others, and is bought by itself.
   *
   * @default all of the teacher's questions
   */
  readonly together?: readonly string[];
}

const KINDS = {together: kinds.texts} satisfies Shape<AboutQuestionOptions>;

/**
 * A teacher about one of the questions of a teacher that has several. It can be used wherever a teacher can: its classes
 * are those of the question.
 *
 * @param name - of the question
 * @throws InputError if the teacher has no such question
 * @example
 * ```ts
 * import {aboutQuestion} from 'limbeck/ask';
 * import type {Teacher} from 'limbeck';
 *
 * export const urgency = (teacher: Teacher) => aboutQuestion(teacher, 'urgent');
 * ```
 */
export function aboutQuestion<A extends Access>(
  teacher: Teacher<A>,
  name: string,
  options: AboutQuestionOptions = {},
): Teacher<A> {
  checkOptions('aboutQuestion', options, KINDS);
  const list = teacher.questions?.list ?? [];
  const named = (wanted: string) => {
    const question = list.find(other => other.name === wanted);
    if (question) return question;
    const known = list.map(other => `\`${other.name}\``).join(', ') || 'none';
    throw new InputError(`Teacher ${teacher.name} has no question \`${wanted}\`. Its questions: ${known}.`);
  };
  const own = named(name);
  const together = new Set([own, ...(options.together?.map(named) ?? list)]);
  const asked = list.filter(question => together.has(question));
  const requests = requestsOf(asked, teacher.questions);
  const index = asked.indexOf(own);
  const source = teacher.questions?.sources?.[name];
  const put = ({sample = 0, ...query}: Query): Query => {
    const [row, rest] = [sample % asked.length, Math.floor(sample / asked.length)];
    return {...query, ...(rest > 0 && {sample: rest}), question: asked[row], together: requests[row]};
  };
  const part: Part = {teacher: teacher as Teacher, followsWhole: true, samples: asked.length, put};
  return composed<A>({
    name: `${teacher.name} about ${name}`,
    identity: {
      question: own as unknown as Json,
      ...(source && {source}),
      of: teacher.identity,
      ...withTogether(requests[index]),
    },
    ...{access: teacher.access, classes: classesOf(own)},
    detail: detailFor(teacher, {question: own}, teacher.detail),
    parts: [part],
    async answer(queries, [ask], {onSettled, ...others}) {
      const rows = (await Promise.all(queries.map(query => samplesOf(part, query)))).flat();
      const outcomes = await ask!(rows, {...others, onSettled: byWholes(asked.length, onSettled)});
      return queries.map((_, row): Outcome<A> => {
        const outcome = outcomes[row * asked.length + index]! as Outcome<A>;
        return 'error' in outcome ? {error: errorOfPart(outcome.error, teacher)} : outcome;
      });
    },
  });
}

function withTogether(together: readonly Question[] | undefined): {readonly together?: Json} {
  return together === undefined ? {} : {together: together as unknown as Json};
}
