import type {TopKAnswer} from '../../src/teacher.ts';
import type {Completion, Finish, Step} from './completion.ts';
import {logSumExp, topKOf} from './projection-answer.ts';
import {type Alternative, alternativesOf, type ScoreOptions} from './projection-steps.ts';
import {type LabelMatcher, labelMatcher, type Reading} from './projection-text.ts';

export interface ProjectionOptions extends ScoreOptions {
  /** What the model was to answer for each class: codes, or the names. As `labelCodes` gives or checks them. */
  readonly labels: readonly string[];
}

/**
 * The distribution over classes that one free generation tells of. The generated tokens are a path; every alternative
 * to one of them is a branch, with the product of the probabilities up to it. Each branch goes to one class, or to the
 * rest:
 *
 * - one that says a label, or can lead to no label but one, goes whole to that class. The latter is an upper bound of
 *   what the class would get: after `ut`, `utral` is likely but not sure. A label at the end of a branch is such too;
 * - one that may still say several labels, or can say none, goes to the rest, as does all that no list tells;
 * - the generated token's own branch is followed instead, to where a label is told or the generation ends.
 *
 * The mass of all labels is `1 - rest`. Only for generations that no grammar, bias or list of choices bent.
 *
 * @returns every class that has some mass, or why there is no answer, as sentences for a `TeacherError`
 */
export function projectCompletion(
  {steps = [], finish}: Pick<Completion, 'steps' | 'finish'>,
  {labels, ...scores}: ProjectionOptions,
): TopKAnswer | string {
  if (steps.length === 0) return 'Its reply holds no log-probabilities. Take a model that gives them, or read labels.';
  const branches = branchesOf({steps, finish}, labelMatcher(labels), scores);
  if (typeof branches === 'string') return branches;
  const logMasses: number[][] = labels.map(() => []);
  for (const {reading, logProbability} of branches) {
    const [label, ...others] = reading.labels;
    if (label !== undefined && others.length === 0) logMasses[label]!.push(logProbability);
  }
  const listed = Math.max(...steps.map(({alternatives}) => alternatives.length));
  return (
    topKOf(logMasses.map(logSumExp)) ??
    `None of the ${labels.length} classes is among its ${listed} most probable tokens. Have more of them told, or say more plainly in the prompt what to answer.`
  );
}

/** A text that was generated, or could have been. */
interface Branch extends Alternative {
  readonly reading: Reading;
}

/** All branches of which something is told; that of the generated tokens last, and no further than it is of use. */
function branchesOf(
  {steps, finish}: {readonly steps: readonly Step[]; readonly finish: Finish},
  matcher: LabelMatcher,
  scores: ScoreOptions,
): readonly Branch[] | string {
  const extend = (path: Alternative, token: Alternative, isWhole: boolean): Branch => {
    const bytes = [...path.bytes, ...token.bytes];
    const logProbability = path.logProbability + token.logProbability;
    return {bytes, logProbability, reading: isWhole ? matcher.readWhole(bytes) : matcher.read(bytes)};
  };
  const branches: Branch[] = [];
  let path: Alternative = {bytes: [], logProbability: 0};
  for (const [place, step] of steps.entries()) {
    const alternatives = alternativesOf(step, scores);
    if (typeof alternatives === 'string') return alternatives;
    const {tokens, chosen} = alternatives;
    for (const token of tokens) if (token !== chosen) branches.push(extend(path, token, isControl(token)));
    if (chosen === undefined) return branches;
    const isLast = place === steps.length - 1;
    const followed = extend(path, chosen, isLast && (finish === 'stop' || isControl(chosen)));
    const {isDecided, labels} = followed.reading;
    if (isLast || isDecided || labels.length === 0) return [...branches, followed];
    path = followed;
  }
  return branches;
}

/** The end of a turn, or another token without text, which a text is taken to end at. */
function isControl({bytes}: Alternative): boolean {
  return bytes.length === 0;
}
