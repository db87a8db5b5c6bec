import {existsSync} from 'node:fs';
import {join} from 'node:path';
import type {Delimiter} from '../data/human-table/table.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {ShareDifference, ShareRight} from '../evaluate/audit.ts';
import {loadRecipe} from '../recipe/load.ts';
import {methodFolder} from '../recipe/methods.ts';
import {refuseVectors} from '../recipe/vectors.ts';
import {DEFAULT_CACHE} from '../store/cache-path.ts';
import {audit} from '../study/audit/audit.ts';
import type {Audit} from '../study/audit/measure.ts';
import {studentPath} from '../study/run.ts';
import {directoryOf} from '../study/study.ts';
import {engineLine} from './engine.ts';
import {headsFor, withHeadStudies} from './head-studies.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {noteFallback, openTerminal} from './terminal.ts';

export type DelimiterName = 'comma' | 'semicolon' | 'tab';

const DELIMITERS: Readonly<Record<DelimiterName, Delimiter>> = {comma: ',', semicolon: ';', tab: '\t'};

interface AuditFlags extends StudyFlags {
  readonly student?: string;
  readonly question?: string;
  readonly items?: number;
  readonly seed?: number;
  readonly delimiter: DelimiterName;
}

export async function runAudit(path: string, {items, seed, delimiter, ...flags}: AuditFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const source = await loadRecipe(path);
  refuseVectors(source, 'An audit');
  const options = studyOptions(flags, terminal);
  const directory = directoryOf(source, options);
  const last = {folder: methodFolder(source.methods.at(-1)!.method)};
  const folder = flags.student ?? studentPath(directory, last, source.seeds[0]!);
  if (!existsSync(join(folder, 'limbeck.json'))) {
    throw new InputError(
      `There is no student in ${folder}. Train one: limbeck train ${path}. Or name one with \`--student\`.`,
    );
  }
  terminal.note(await engineLine());
  const heads = await headsFor(source, folder, flags.question);
  const audited = await withHeadStudies(source, heads, options, async (study, student) => {
    const {data} = study.recipe;
    const question = heads.length > 1 ? student.question?.name : flags.question;
    if (isLabelled(data)) {
      const named = question === undefined ? '' : ` --question ${quoted(question)}`;
      terminal.note(
        `The test split has labels, with which \`limbeck evaluate ${folder} ${path}${named}\` measures free of charge.`,
      );
    }
    const onFallback = noteFallback(terminal);
    const result = await audit(study, student, {items, seed, delimiter: DELIMITERS[delimiter], onFallback});
    return {question, result, text: auditText(result, commandAgain(path, {...flags, question}), data.classes)};
  });
  const [first] = audited;
  if (audited.length === 1) return terminal.result({student: folder, ...first!.result}, first!.text);
  terminal.result(
    {student: folder, questions: audited.map(({question: name, result}) => ({name, ...result}))},
    audited.map(({question: name, text}) => `${name}\n${text}`).join('\n\n'),
  );
}

/** The command that continues an audit: on the same student, table and cache. */
export function commandAgain(
  path: string,
  {student, question, out, cache}: {readonly [F in 'student' | 'question' | 'out' | 'cache']?: string | undefined},
): string {
  const ownCache = cache === (process.env['LIMBECK_CACHE'] ?? DEFAULT_CACHE) ? undefined : cache;
  const flags = Object.entries({student, question, out, cache: ownCache}).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, quoted(value)],
  );
  return ['limbeck audit', quoted(path), ...flags].join(' ');
}

/** A word of a command as a shell reads it. */
function quoted(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Describes the result of an audit in sentences. If the audit waits for a person, it says what to do.
 *
 * @param command - continues the audit
 */
export function auditText(result: Audit, command: string, classes: readonly string[]): string {
  const {path, drawn, checked, right} = result;
  const agree = agreementText(result);
  if (right === undefined) {
    const state = checked === 0 ? '' : ` ${checked} are checked, which is not enough of each kind yet.`;
    return [
      agree,
      `It is not known yet how often either is right. ${path} has ${drawn} texts for you to check.${state}`,
      `Fill its column \`label\` with ${oneOf(classes)}, save it as CSV, and run again: ${command}`,
    ].join('\n');
  }
  const {teacher, student} = right;
  const so = checked < drawn ? `${checked} of the ${drawn} texts` : `${checked} texts`;
  return [
    `On ${so} that a person checked, the teacher is right on ${range(teacher)} of texts, the student on ${range(student)}.`,
    ...differenceText(result.difference),
    disagreements(result),
    agree,
    precision(result, command),
  ].join('\n');
}

function agreementText({texts, missing, agreement, agreementBounds}: Audit): string {
  const agree = `Teacher and student agree on ${percent(agreement)} % of ${counted(texts - missing)} texts.`;
  if (missing === 0) return agree;
  const [lowest, highest] = agreementBounds.map(share => (100 * share).toFixed(2));
  return (
    `${agree} The teacher left ${counted(missing)} more without an answer, and none of these is drawn. On all texts the ` +
    `agreement is between ${lowest} and ${highest} %.`
  );
}

function differenceText(found: ShareDifference | undefined): string[] {
  if (found === undefined) return [];
  const {difference, interval} = found;
  const [low, high] = interval;
  const by = (from: number, to: number) =>
    `by ${points(Math.abs(difference))} points (${points(Math.abs(from))}–${points(Math.abs(to))})`;
  if (high < 0) return [`The student is right less often than the teacher, ${by(high, low)}.`];
  if (low > 0) return [`The student is right more often than the teacher, ${by(low, high)}.`];
  if (low === high) return [];
  const range = `from ${points(low)} to ${points(high)}`;
  return [`It is not decided which of them is right more often: the difference is ${range} points.`];
}

function points(share: number): string {
  return (100 * share).toFixed(1).replace('-', '−');
}

function disagreements({disagreements: {checked, teacher, student}}: Audit): string {
  if (checked === 0) return 'They agree on all checked texts.';
  const neither = checked - teacher - student;
  return `Where they disagree, of ${checked} checked the teacher was right on ${teacher}, the student on ${student}, neither on ${neither}.`;
}

function precision({right, drawn, checked}: Audit, command: string): string {
  const more = right?.teacher.moreToHalve;
  if (checked < drawn) return `${drawn - checked} rows are not filled in yet. They would make the result more exact.`;
  if (more === undefined)
    return 'More of these texts would not halve the interval of the teacher. That takes a larger test split.';
  return `About ${counted(more)} more would halve the interval of the teacher: ${command} --items ${drawn + more}`;
}

/** Formats as `94 % (89–97)`, with a decimal if one of the values is near 0 or 100, because 99.6 is not 100. */
function range({share, interval: [low, high]}: ShareRight): string {
  const digits = [share, low, high].some(isNearEnd) ? 1 : 0;
  return `${percent(share, digits)} % (${percent(low, digits)}–${percent(high, digits)})`;
}

function isNearEnd(share: number): boolean {
  return share > 0.98 || share < 0.02;
}

function percent(share: number, digits = isNearEnd(share) ? 1 : 0): string {
  return (100 * share).toFixed(digits).replace(/\.0$/, '');
}

function counted(count: number): string {
  return count.toLocaleString('en-GB');
}

/** The most classes that are listed. */
const LISTED = 12;

function oneOf(classes: readonly string[]): string {
  if (classes.length > LISTED) return `one of the ${classes.length} classes`;
  return classes
    .map(name => `\`${name}\``)
    .join(', ')
    .replace(/, (`[^`]*`)$/, ' or $1');
}
