import type {ShareDifference, ShareRight} from '../evaluate/audit.ts';
import type {Audit} from '../study/audit/measure.ts';

/** Describes the result of an audit in sentences. If the audit waits for a person, it says what to do. */
export function auditText(result: Audit, recipe: string, classes: readonly string[]): string {
  const {path, drawn, checked, right} = result;
  const agree = agreementText(result);
  if (right === undefined) {
    const state = checked === 0 ? '' : ` ${checked} are checked, which is not enough of each kind yet.`;
    return [
      agree,
      `It is not known yet how often either is right. ${path} has ${drawn} texts for you to check.${state}`,
      `Fill its column \`label\` with ${oneOf(classes)}, save it as CSV, and run again: limbeck audit ${recipe}`,
    ].join('\n');
  }
  const {teacher, student} = right;
  const so = checked < drawn ? `${checked} of the ${drawn} texts` : `${checked} texts`;
  return [
    `On ${so} that a person checked, the teacher is right on ${range(teacher)} of texts, the student on ${range(student)}.`,
    ...differenceText(result.difference),
    disagreements(result),
    agree,
    precision(result, recipe),
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

function precision({right, drawn, checked}: Audit, recipe: string): string {
  const more = right?.teacher.moreToHalve;
  if (checked < drawn) return `${drawn - checked} rows are not filled in yet. They would make the result more exact.`;
  if (more === undefined)
    return 'More of these texts would not halve the interval of the teacher. That takes a larger test split.';
  return `About ${counted(more)} more would halve the interval of the teacher: limbeck audit ${recipe} --items ${drawn + more}`;
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
