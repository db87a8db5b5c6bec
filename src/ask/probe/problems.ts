import {describeDetail, satisfies} from '../../knowledge/coarsen.ts';
import type {Inspection, TokenScores} from '../../service-features.ts';
import type {Detail, Outcome} from '../../teacher.ts';
import type {AnswerFindings} from './answers.ts';
import type {Repetition} from './repetition.ts';
import type {TokenFindings} from './tokens.ts';

/** A difference between a teacher and its adapter's declaration or a recipe's needs. */
export interface Problem {
  /** An error keeps the recipe from working, or spoils what it learns. */
  readonly severity: 'error' | 'warning';
  /** The problem and its remedy, in sentences. */
  readonly text: string;
}

/** All findings. */
export interface Evidence {
  /** Its name. */
  readonly teacher: string;
  readonly declared: Detail;
  readonly needed: Detail;
  readonly classes: number;
  /** One per input. */
  readonly outcomes: readonly Outcome[];
  /**
   * The outcomes of the second time.
   *
   * @default it was asked once
   */
  readonly again?: readonly Outcome[];
  readonly answers?: AnswerFindings | undefined;
  readonly repetition?: Repetition | undefined;
  /** What changes if a question is asked alone. */
  readonly isolation?: Repetition | undefined;
  /** True if its adapter says that its questions influence each other. */
  readonly areDependent?: boolean | undefined;
  readonly tokens?: TokenFindings | undefined;
  /**
   * The inspections of the replies.
   *
   * @default none
   */
  readonly inspections?: readonly Inspection[];
  /**
   * The models that answered.
   *
   * @default none
   */
  readonly authors?: readonly string[];
}

/** Everything that is wrong, errors first. */
export function problemsIn(evidence: Evidence): readonly Problem[] {
  const problems = [
    ...ofOutcomes(evidence),
    ...ofDetail(evidence),
    ...ofDistributions(evidence),
    ...ofTokens(evidence),
    ...ofIgnored(evidence),
    ...ofRepetition(evidence),
    ...ofIsolation(evidence),
  ];
  return problems.toSorted((one, other) => Number(other.severity === 'error') - Number(one.severity === 'error'));
}

/** If the same request brings the same answers, a difference comes from the other questions of the request. */
function ofIsolation({repetition, isolation, areDependent}: Evidence): readonly Problem[] {
  if (isolation === undefined || isolation.identical === isolation.compared) return [];
  const isNoise = repetition !== undefined && repetition.identical < repetition.compared;
  if (isNoise) return [];
  const change =
    `${isolation.compared - isolation.identical} of ${isolation.compared} answers change if their question is asked ` +
    'alone: it answers a question in view of the others of the request.';
  const remedy = areDependent
    ? 'Its answers are kept for this list of questions. With `maxQuestions: 1` each is asked alone.'
    : 'Ask it alone, with `aboutQuestion(teacher, name, {together: []})`, or keep the list of questions as it is.';
  return [warning(`${change} ${remedy}`)];
}

const error = (text: string): Problem => ({severity: 'error', text});
const warning = (text: string): Problem => ({severity: 'warning', text});

function ofOutcomes({teacher, outcomes, again = []}: Evidence): readonly Problem[] {
  const whyOf = ({message}: Error) => message.replace(`Teacher ${teacher}: `, '');
  const errors = errorsIn(outcomes);
  const later = errorsIn(again);
  if (errors.length === 0 && later.length === 0) return [];
  if (errors.length === 0) {
    return [warning(`${later.length} of ${outcomes.length} inputs brought no second answer. ${whyOf(later[0]!)}`)];
  }
  const why = whyOf(errors[0]!);
  if (errors.length === outcomes.length)
    return [error(`Not one of ${outcomes.length} inputs brought an answer. ${why}`)];
  return [warning(`${errors.length} of ${outcomes.length} inputs brought no answer. ${why}`)];
}

function errorsIn(outcomes: readonly Outcome[]): readonly Error[] {
  return outcomes.flatMap(outcome => ('error' in outcome ? [outcome.error] : []));
}

function ofDetail({declared, needed, classes, answers}: Evidence): readonly Problem[] {
  if (answers === undefined) return [];
  const {given, named} = answers;
  // A list of the best classes can be short: a class that is not in it has hardly any mass.
  const isShort = given.kind === 'top-k' && needed.kind === 'top-k';
  if (!isShort && !satisfies(given, needed)) {
    return [
      error(
        `The recipe learns from ${describeDetail(needed)}, and it gives ${describeDetail(given)}. Give the methods of ` +
          'this level less to learn from, or the level a teacher that shows more.',
      ),
    ];
  }
  const wanted = Math.min(needed.kind === 'top-k' ? needed.k : 1, classes);
  if (named.most < wanted) {
    return [warning(`No answer names more than ${named.most} classes, and the recipe learns from the best ${wanted}.`)];
  }
  if (given.kind !== declared.kind && !satisfies(given, declared)) {
    return [
      warning(`Its adapter declares ${describeDetail(declared)}, and it gives ${describeDetail(given)}: enough here.`),
    ];
  }
  return [];
}

/** How far the sum of the named and the unnamed mass can be from 1. */
const SLACK = 0.02;

function ofDistributions({answers}: Evidence): readonly Problem[] {
  if (answers?.logitsAre === 'probabilities') {
    return [
      error(
        'What it gives as logits are probabilities: each is 0 or more, and they sum to 1. Have its adapter read them ' +
          'as probabilities.',
      ),
    ];
  }
  const {total} = answers ?? {};
  if (total === undefined || (total.least >= 1 - SLACK && total.most <= 1 + SLACK)) return [];
  return [
    error(
      `The probabilities of its answers, with what it says of the rest, sum to ${total.least.toPrecision(3)} up to ` +
        `${total.most.toPrecision(3)}, not to 1. Check what its scores are.`,
    ),
  ];
}

const MEANINGS: Readonly<Record<TokenScores['meaning'], string>> = {
  raw: 'the model’s own log-probabilities',
  processed: 'log-probabilities after the temperature',
  masked: 'log-probabilities among a few tokens that something lets through',
  logits: 'logits',
};

const ADVICE: Readonly<Record<TokenScores['meaning'], string>> = {
  raw: "Say so to the adapter: `logprobsTaken: 'before-temperature'`.",
  processed: "Say so to the adapter (`logprobsTaken: 'after-temperature'`), or have the service take them before it.",
  masked: 'Leave out what bends them: a grammar, a list of choices, a bias, a cut at top-k or top-p.',
  logits: 'Have the service give log-probabilities; vLLM does with `--logprobs-mode raw_logprobs`.',
};

function ofTokens({tokens}: Evidence): readonly Problem[] {
  if (tokens === undefined) return [];
  const {meaning, declared, named, key, alike, bent, positions: indices} = tokens;
  const problems: Problem[] = [];
  // At temperature 1 nothing is divided, so before and after it are the same.
  const isHarmless = meaning === 'raw' && declared.meaning === 'processed' && declared.temperature === 1;
  if (meaning !== undefined && meaning !== declared.meaning && !isHarmless) {
    // A short list with all the mass can be the whole of a small vocabulary.
    const say = meaning === 'masked' && tokens.untold === 0 ? warning : error;
    problems.push(
      say(
        `Its adapter takes the scores of tokens for ${MEANINGS[declared.meaning]}; they are ${MEANINGS[meaning]}. ${ADVICE[meaning]}`,
      ),
    );
  }
  if (named.most < declared.topK) {
    problems.push(
      warning(
        `It names ${named.most} tokens at a position at most, and ${declared.topK} are asked for: what a class gets ` +
          'beyond them counts as rest.',
      ),
    );
  }
  if (declared.temperature === 0 && bent > 0) {
    problems.push(
      warning(
        `At ${bent} of ${indices} positions it wrote another token than the most probable one, though \`temperature\` is 0: ` +
          'it ignores that, or a grammar, a bias or a setting of its own bends what it writes.',
      ),
    );
  }
  if (key === 'string' && declared.key !== 'string' && alike > 0) {
    problems.push(
      warning(`It tells neither ids nor bytes of tokens, and at ${alike} positions two of them are written alike.`),
    );
  }
  return problems;
}

const IGNORED: Readonly<Record<string, string>> = {
  topLogprobs: 'no tokens come with their log-probabilities',
  structured: 'what it answers is not held to the list of classes',
  samples: 'it answers fewer times than it was asked to',
  maxTokens: 'it writes more than it may, and charges for it',
};

function ofIgnored({inspections = []}: Evidence): readonly Problem[] {
  const options = new Set(inspections.flatMap(({ignored}) => ignored));
  return [...options].map(option => {
    const times = inspections.filter(({ignored}) => ignored.includes(option)).length;
    const effect = IGNORED[option] === undefined ? '' : `: ${IGNORED[option]}`;
    return warning(`It ignores \`${option}\` without saying so (${times} of ${inspections.length} replies)${effect}.`);
  });
}

function ofRepetition({repetition, authors = []}: Evidence): readonly Problem[] {
  const problems: Problem[] = [];
  if (repetition?.verdict === 'perturbed') {
    problems.push(
      warning(
        `Its scores are others each time it is asked, by ${repetition.meanKl!.toPrecision(2)} nats of KL divergence on ` +
          `the mean, and ${repetition.flips} of ${repetition.compared} labels with them: it perturbs them, or is not ` +
          'deterministic. A study learns from its labels alone, unless the recipe has `trustsScores: true`.',
      ),
    );
  }
  if (repetition && repetition.flips > 0) {
    problems.push(
      warning(
        `${repetition.flips} of ${repetition.compared} labels changed from one asking to the next. ` +
          'Where it samples, set its temperature to 0, or take the mean of several askings with `repeat`.',
      ),
    );
  }
  if (authors.length > 1) {
    problems.push(warning(`More than one model answered: ${authors.join(', ')}. Name the exact version of one.`));
  }
  return problems;
}
