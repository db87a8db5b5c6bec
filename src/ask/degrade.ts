import {InputError, KnowledgeError} from '../errors.ts';
import {coarsen, describeDetail, satisfies} from '../knowledge/coarsen.ts';
import {LEVELS} from '../levels.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import {detailFor} from '../questions.ts';
import type {Access, Answer, AnswerOf, Detail, Outcome, Query, Teacher} from '../teacher.ts';
import {composed} from './compose/composed.ts';
import {checkTransforms, disturbed, rounded, type Transforms} from './compose/transform.ts';
import {keyed, showsKind} from './layer.ts';

export interface DegradeOptions<A extends Access = Access> extends Transforms {
  /** The level to show; no more than the teacher's own. */
  readonly access: A;
  /** The detail of every answer. */
  readonly detail: Detail;
}

const KINDS = {
  access: oneOf('black-box', 'gray-box', 'white-box'),
  detail: kinds.object,
  temperature: kinds.number,
  noise: kinds.object,
  decimals: kinds.number,
} satisfies Shape<DegradeOptions>;

/**
 * A teacher that shows less than it could, or shows it less clearly. It always asks for the detail that this takes,
 * even if a query wants less, so one set of the full teacher's kept answers serves every level. A teacher with several
 * questions shows less of the answer to each, and is still asked all of them about an input in one request.
 *
 * @throws KnowledgeError if it would show more than the teacher does, or more than the level may show
 * @throws InputError if an option is out of its range
 */
export function degrade<A extends Access>(teacher: Teacher, options: DegradeOptions<A>): Teacher<A> {
  checkOptions('degrade', options, KINDS, ['access', 'detail']);
  const {access, detail, ...transforms} = options;
  checkTransforms(transforms);
  const taken = detailTakenFor(options);
  checkShown(teacher, options, taken);
  const show = (query: Query, outcome: Outcome): Outcome<A> => {
    if ('error' in outcome) return outcome;
    const clear = coarsen(outcome.answer, taken);
    const {key} = keyed(teacher, query);
    return {answer: shownOf(clear, options, key) as AnswerOf<A>};
  };
  return composed<A>({
    name: `${teacher.name} as ${access}`,
    identity: {...teacher.identity, shown: {access, detail, ...transforms}},
    ...{access, detail, classes: teacher.classes, questions: teacher.questions},
    parts: [{teacher, detail: taken}],
    async answer(queries, [ask], askOptions) {
      const outcomes = await ask!(queries, askOptions);
      return queries.map((query, row) => show(query, outcomes[row]!));
    },
  });
}

/** The detail that the teacher is asked for: a whole distribution, if it is changed and not only cut. */
function detailTakenFor({detail, temperature, noise}: DegradeOptions): Detail {
  if (temperature === undefined && noise === undefined) return detail;
  return detail.kind === 'logits' ? detail : {kind: 'log-probabilities'};
}

function shownOf(answer: Answer, options: DegradeOptions, key: string): Answer {
  const {detail, decimals, temperature, noise} = options;
  const isScores = answer.kind === 'logits' || answer.kind === 'log-probabilities';
  const isDisturbed = temperature !== undefined || noise !== undefined;
  const cut = coarsen(isScores && isDisturbed ? disturbed(answer, options, key) : answer, detail);
  const isRounded = decimals !== undefined && (cut.kind === 'top-k' || cut.kind === 'log-probabilities');
  return isRounded ? rounded(cut, decimals) : cut;
}

function checkShown(teacher: Teacher, {access, detail, decimals}: DegradeOptions, taken: Detail): void {
  const shown = describeDetail(detail);
  if (LEVELS.indexOf(access) > LEVELS.indexOf(teacher.access) || !satisfies(teacher.detail, detail)) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} is ${teacher.access} and gives ${describeDetail(teacher.detail)}: ` +
        `it can't be shown as ${access} with ${shown}. Name a level and a detail that it holds.`,
    );
  }
  // A black-box teacher may show its estimates at its own level, and so may any teacher that shows less of it.
  const isEstimate = teacher.access === 'black-box' && detail.kind === teacher.detail.kind;
  if (!showsKind(access, detail.kind) && !isEstimate) {
    throw new KnowledgeError(`A ${access} teacher doesn't show ${shown}. Name another level or another detail.`);
  }
  if (!satisfies(teacher.detail, taken)) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} gives ${describeDetail(teacher.detail)}, and a temperature and noise are for whole ` +
        'distributions. Leave them out, or name a teacher that shows all classes.',
    );
  }
  const own = teacher.questions?.list.find(question => {
    const full = detailFor(teacher, {question}, teacher.detail);
    return !satisfies(full, detail) || !satisfies(full, taken);
  });
  if (own !== undefined) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} gives ${describeDetail(detailFor(teacher, {question: own}, teacher.detail))} for question ` +
        `\`${own.name}\`: it can't be shown with ${shown}. Leave the question out, or name a detail that it holds.`,
    );
  }
  const choice = teacher.questions?.list.find(({type}) => type === 'choice');
  if (detail.kind === 'expected' && choice !== undefined) {
    throw new InputError(
      `The options of a choice have no order, so question \`${choice.name}\` has no expected level. Name another detail.`,
    );
  }
  if (decimals !== undefined && detail.kind !== 'top-k' && detail.kind !== 'log-probabilities') {
    throw new InputError(`\`decimals\` rounds probabilities, and ${shown} shows none. Leave it out.`);
  }
}
