import {dollars} from '../ask/budget/price.ts';
import type {AnswerFindings} from '../ask/probe/answers.ts';
import type {Range} from '../ask/probe/decimals.ts';
import type {Repetition} from '../ask/probe/repetition.ts';
import type {RequestFindings} from '../ask/probe/requests.ts';
import type {TeacherProbe} from '../ask/probe/teacher-probe.ts';
import type {TokenFindings} from '../ask/probe/tokens.ts';
import {KnowledgeError} from '../errors.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import type {Quota, ServiceLimits} from '../pace/service-limits.ts';
import {loadRecipe} from '../recipe/load.ts';
import {recipeOfFirst} from '../recipe/questions.ts';
import {probeStudy, type StudyProbe} from '../study/probe.ts';
import {count, counted, list, shortDuration} from '../study/report/format.ts';
import type {Access, Usage} from '../teacher.ts';
import {packChoiceRows, packingRows} from './probe-packing.ts';
import {promptRows} from './probe-prompts.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface ProbeFlags extends Omit<StudyFlags, 'out' | 'driftEvery'> {
  readonly level?: Access;
  readonly questions: number;
  /** The least share of labels that they must keep. */
  readonly shorterPrompts?: number;
}

export async function runProbe(
  path: string,
  {level, questions, shorterPrompts: promptAgreement, ...flags}: ProbeFlags,
): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = recipeOfFirst(await loadRecipe(path));
  const options = {...studyOptions(flags, terminal), questions, promptAgreement, ...(level && {levels: [level]})};
  const probe = await probeStudy(recipe, options);
  terminal.result(probe, probeText(probe));
  const broken = brokenLevels(probe);
  if (broken.length === 0) return;
  throw new KnowledgeError(
    `The recipe ${recipe.name} can't be used in its present form. The report names the errors of ${list(broken)} and their remedies.`,
  );
}

/** Describes what a recipe's teachers return in practice, a paragraph for each teacher. */
export function probeText({name, cache, levels}: StudyProbe): string {
  return [
    `What the teachers of ${name} return in practice; paid answers are kept in ${cache}`,
    ...levels.map(probe => teacherText(probe, `${probe.level}: `)),
  ].join('\n\n');
}

/** The levels whose teachers don't meet the recipe's needs. */
export function brokenLevels({levels}: StudyProbe): readonly Access[] {
  const isBroken = ({problems, parts = []}: TeacherProbe): boolean =>
    problems.some(({severity}) => severity === 'error') || parts.some(isBroken);
  return levels.filter(isBroken).map(({level}) => level);
}

function teacherText(probe: TeacherProbe, before: string, noun = 'input'): string {
  const {answers, repetition, isolation, packing, packChoice, prompts, tokens, requests, problems, parts = []} = probe;
  const rows = [
    ['asked', askedText(probe, noun)],
    ['gives', givenText(probe)],
    ...(answers ? answersRows(answers, probe.classes) : []),
    ['repeated', repetitionText(repetition, parts)],
    ...(isolation ? [['alone', repetitionText(isolation, parts)]] : []),
    ...(packing ? packingRows(packing, requests) : []),
    ...(packChoice ? packChoiceRows(packChoice, requests) : []),
    ...(prompts ? promptRows(prompts, requests) : []),
    ...(tokens ? tokenRows(tokens) : []),
    ...(requests ? requestRows(requests, probe, noun) : []),
  ].filter(([, text]) => text !== '');
  return [
    `${before}${probe.teacher}`,
    ...rows.map(([name, text]) => `  ${name!.padEnd(11)}${text}`),
    ...problems.map(({severity, text}) => `  ${severity}: ${text.replaceAll('\n', '\n    ')}`),
    // A part may be asked several times about one input.
    ...parts.map(part => `\n${teacherText(part, '  of ', 'query')}`),
  ].join('\n');
}

function askedText({asked, questions, paid, parts, isService}: TeacherProbe, noun: string): string {
  const inputs = `${counted(asked, noun)}${questions === undefined ? '' : `, ${counted(questions, 'question')} each`}`;
  if (parts) return `${inputs}, answered by combining ${counted(parts.length, 'part')}`;
  const kept = paid.cached === 0 ? '' : `, ${count(paid.cached)} answers from the cache`;
  if (!isService) return `${inputs} in this process, free of charge${kept}`;
  if (paid.calls === 0) return `${inputs}: nothing was paid${kept}`;
  const tokens = paid.inputTokens + paid.outputTokens;
  const cost = [
    counted(paid.calls, 'request'),
    ...(tokens > 0 ? [counted(tokens, 'token')] : []),
    ...(paid.usd === undefined ? [] : [dollars(paid.usd)]),
  ];
  return `${inputs}: ${cost.join(', ')}${kept}`;
}

function givenText({answers, declared, details = {}, needed}: TeacherProbe): string {
  const own = Object.entries(details).map(([name, detail]) => `; of \`${name}\` ${describeDetail(detail)}`);
  return `${shownOf(answers)}; declared ${describeDetail(declared)}, needed ${describeDetail(needed)}${own.join('')}`;
}

function shownOf(answers: AnswerFindings | undefined): string {
  if (answers === undefined) return 'nothing';
  const {given, named} = answers;
  return given.kind === 'top-k' ? `top-k (k = ${span(named, count)})` : describeDetail(given);
}

function answersRows({named, mass, rest, decimals, ties, answers}: AnswerFindings, classes: number): string[][] {
  // Vectors have no classes.
  if (classes === 0) return [];
  const rounded = [
    ...(decimals.probabilities === undefined ? [] : [`probabilities to ${counted(decimals.probabilities, 'decimal')}`]),
    ...(decimals.logProbabilities === undefined
      ? []
      : [`log-probabilities to ${counted(decimals.logProbabilities, 'decimal')}`]),
  ];
  const isWhole = named.least >= classes;
  const alike = ties === 0 ? '' : `; in ${count(ties)} of ${counted(answers, 'answer')} two classes are level`;
  return [
    ['classes', isWhole ? `all ${count(classes)} in every answer` : `${span(named, count)} of ${count(classes)}`],
    ['sum', mass ? `${span(mass, share)}${rest ? `, and a rest of ${span(rest, share)}` : ''}` : ''],
    ['rounded', mass ? `${rounded.length === 0 ? 'no' : list(rounded)}${alike}` : ''],
  ];
}

function repetitionText(repetition: Repetition | undefined, parts: readonly TeacherProbe[]): string {
  if (repetition === undefined) return parts.length > 0 ? '' : 'not measured: nothing was answered twice';
  const {compared, identical, flips, change, logChange, meanKl} = repetition;
  const largest = change ?? logChange;
  const by = change === undefined ? 'scores' : 'probabilities';
  if (identical === compared) {
    const exact = largest ? `but for rounding, ${by} by up to ${size(largest)}` : 'to the bit';
    return `all ${count(compared)} answers the same ${exact}`;
  }
  return [
    `${count(compared - identical)} of ${counted(compared, 'answer')} differ`,
    ...(largest === undefined ? [] : [`${by} by up to ${size(largest)}`]),
    ...(meanKl === undefined ? [] : [`mean KL ${size(meanKl)} nats`]),
    counted(flips, 'label') + (flips === 1 ? ' changes' : ' change'),
  ].join(', ');
}

const MEANINGS = {
  raw: 'the model’s own',
  processed: 'after the temperature',
  masked: 'of a few tokens that something lets through',
  logits: 'logits',
} as const;

function tokenRows({declared, meaning, temperature, ...found}: TokenFindings): string[][] {
  const {named, mass, untold, key, alike, positions: indices, decimals} = found;
  const isAsDeclared = meaning === declared.meaning;
  const shown = meaning ? MEANINGS[meaning] : `not known to be ${MEANINGS[declared.meaning]}`;
  const apart = `by ${key === 'string' ? 'their text alone' : key}, at ${count(alike)} of ${counted(indices, 'position')} written alike`;
  return [
    ['scores', `${shown}${isAsDeclared ? ', as declared' : `; declared: ${MEANINGS[declared.meaning]}`}`],
    ['', temperature ? temperatureText(temperature) : ''],
    [
      'tokens',
      `${span(named, count)} of ${count(declared.topK)} at a position, ${count(untold)} without a value; told apart ${apart}`,
    ],
    [
      '',
      `their mass ${span(mass, share)}${decimals === undefined ? '' : `; rounded to ${counted(decimals, 'decimal')}`}`,
    ],
  ];
}

function temperatureText({temperature, change, problem}: NonNullable<TokenFindings['temperature']>): string {
  if (change === undefined) return `at temperature ${temperature} not known: ${problem}`;
  return `at temperature ${temperature} they change by ${change === 0 ? 'nothing' : `${size(change)} nats`}`;
}

function requestRows(
  {authors, limits, perQuestion, whole, seconds}: RequestFindings,
  {isService}: TeacherProbe,
  noun: string,
): string[][] {
  if (!isService) return [];
  const tokens = perQuestion
    ? `${amount(perQuestion.inputTokens)} + ${amount(perQuestion.outputTokens)} tokens${ofCacheText(perQuestion)}`
    : 'tokens not counted by the service';
  const each = whole.usd === undefined ? tokens : `${tokens}, ${dollars(whole.usd / whole.inputs)}`;
  const price = whole.usd === undefined ? 'price unknown' : dollars(whole.usd);
  const all = [
    counted(whole.calls, 'request'),
    ...(whole.tokens === undefined ? [] : [counted(whole.tokens, 'token')]),
    price,
    ...(whole.seconds === undefined ? [] : [`${shortDuration(whole.seconds)} or more`]),
  ];
  return [
    ['model', authors.length === 0 ? 'not named in the reply' : list(authors)],
    ['limits', seconds === undefined ? 'not known: nothing is asked now' : limitsText(limits)],
    [
      noun === 'input' ? 'an input' : 'a query',
      `${each}${seconds === undefined ? '' : `; ${shortDuration(seconds)} a request`}`,
    ],
    ['whole set', `${counted(whole.inputs, noun)}: ${all.join(', ')}`],
  ];
}

function ofCacheText({cacheReadTokens}: Usage): string {
  return cacheReadTokens === undefined ? '' : `, ${amount(cacheReadTokens)} of them read from the prompt cache`;
}

const QUOTAS = {
  requests: 'requests',
  tokens: 'tokens',
  inputTokens: 'input tokens',
  outputTokens: 'output tokens',
} as const;

function limitsText(limits: ServiceLimits): string {
  const told = Object.entries(QUOTAS).flatMap(([kind, name]) => {
    const quota = limits[kind as keyof typeof QUOTAS];
    return quota ? [quotaText(quota, name)] : [];
  });
  return told.length === 0 ? 'none told in the headers' : told.join('; ');
}

function quotaText({limit, remaining, resetIn}: Quota, name: string): string {
  const whole = limit === undefined ? name : `${count(limit)} ${name}`;
  const left = remaining === undefined ? '' : `, ${count(remaining)} left`;
  return `${whole}${left}${resetIn === undefined ? '' : `, reset in ${shortDuration(resetIn / 1000)}`}`;
}

function span({least, most}: Range, shown: (value: number) => string): string {
  const [from, to] = [shown(least), shown(most)];
  return from === to ? from : `${from} to ${to}`;
}

function share(value: number): string {
  return value.toFixed(4);
}

/** Formats 0.000271828 as `0.00027`, and 7012 as `7000`. */
function size(value: number): string {
  return String(Number(value.toPrecision(2)));
}

/** A mean, with a decimal if it isn't whole. */
function amount(value: number): string {
  return Number.isInteger(value) ? count(value) : value.toFixed(1);
}
