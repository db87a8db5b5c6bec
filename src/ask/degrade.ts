import {InputError, KnowledgeError} from '../errors.ts';
import {coarsen, describeDetail, satisfies} from '../knowledge/coarsen.ts';
import {LEVELS} from '../levels.ts';
import type {Access, Answer, AnswerOf, Detail, Outcome, Query, Teacher} from '../teacher.ts';
import {composed} from './compose/composed.ts';
import {checkTransforms, disturbed, rounded, type Transforms} from './compose/transform.ts';
import {keyed} from './keyed.ts';
import {showsKind} from './layer.ts';

export interface DegradeOptions<A extends Access = Access> extends Transforms {
  /** The level to show; no more than the teacher's own. */
  readonly access: A;
  /** What every answer then holds. */
  readonly detail: Detail;
}

/**
 * A teacher that shows less than it could, or less clearly. It asks for what that takes, whatever less a query wants,
 * so one set of kept answers of the full teacher serves every level.
 *
 * @throws KnowledgeError where it would show more than the teacher does, or what the level may not show; InputError where
 * an option is out of its range
 */
export function degrade<A extends Access>(teacher: Teacher, options: DegradeOptions<A>): Teacher<A> {
  const {access, detail, ...transforms} = options;
  checkTransforms(transforms);
  const taken = detailTakenFor(options);
  checkShown(teacher, options, taken);
  const show = (query: Query, outcome: Outcome): Outcome<A> => {
    if ('error' in outcome) return outcome;
    const clear = coarsen(outcome.answer, taken, teacher.classes.length);
    const {key} = keyed(teacher, query);
    return {answer: shownOf(clear, options, key, teacher.classes.length) as AnswerOf<A>};
  };
  return composed<A>({
    name: `${teacher.name} as ${access}`,
    identity: {...teacher.identity, shown: {access, detail, ...transforms}},
    ...{access, detail, classes: teacher.classes},
    parts: [{teacher, detail: taken}],
    async answer(queries, [ask], askOptions) {
      const outcomes = await ask!(queries, askOptions);
      return queries.map((query, row) => show(query, outcomes[row]!));
    },
  });
}

/** What is asked of the teacher: a whole distribution, where more is done than to cut it. */
function detailTakenFor({detail, temperature, noise}: DegradeOptions): Detail {
  if (temperature === undefined && noise === undefined) return detail;
  return detail.kind === 'logits' ? detail : {kind: 'log-probabilities'};
}

function shownOf(answer: Answer, options: DegradeOptions, key: string, classes: number): Answer {
  const {detail, decimals, temperature, noise} = options;
  const isScores = answer.kind === 'logits' || answer.kind === 'log-probabilities';
  const isDisturbed = temperature !== undefined || noise !== undefined;
  const cut = coarsen(isScores && isDisturbed ? disturbed(answer, options, key) : answer, detail, classes);
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
  // What a black-box teacher estimates it may show at its own level, and whoever shows less of it, too.
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
  if (decimals !== undefined && detail.kind !== 'top-k' && detail.kind !== 'log-probabilities') {
    throw new InputError(`\`decimals\` rounds probabilities, and ${shown} shows none. Leave it out.`);
  }
}
