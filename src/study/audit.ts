import {join} from 'node:path';
import {sameClasses} from '../data/classes.ts';
import {labelReader, valuesIn} from '../data/human-table/columns.ts';
import {changeFile} from '../data/human-table/file.ts';
import {type Delimiter, idOf, newTable, readTable, type Table, withQueries} from '../data/human-table/table.ts';
import type {TextInputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {
  type ShareDifference,
  type ShareRight,
  STRATA,
  type StratumName,
  shareDifference,
  shareRight,
} from '../evaluate/audit.ts';
import {argmaxRows, softmaxRows} from '../evaluate/distributions.ts';
import {boundsWithMissing} from '../statistics/missing-bounds.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {askReference} from './asking.ts';
import {agreementOf, labelsOfAll, strataOfAll} from './audit-answers.ts';
import {type AuditDesign, drawnInputs, extended, newDesign, readDesign, sizesOf, writeDesign} from './audit-design.ts';
import type {LedgerTotals} from './results.ts';
import type {Study} from './study.ts';

export interface AuditOptions {
  /**
   * How many texts a person checks in all; no fewer than were drawn before.
   *
   * @default 50
   */
  readonly items?: number;
  /**
   * Seed of the first draw.
   *
   * @default 0
   */
  readonly seed?: number;
  /**
   * What stands between the cells of a new table.
   *
   * @default ','
   */
  readonly delimiter?: Delimiter;
  /** Told why the student runs slower than it could. */
  readonly onFallback?: (reason: string) => void;
}

/** What a person's check says of a teacher and a student. */
export interface Audit {
  /** The table that a person fills. */
  readonly path: string;
  readonly teacher: string;
  /** Texts of the test split. */
  readonly texts: number;
  /** Of these, texts that the teacher left without an answer. */
  readonly missing: number;
  /** `missing / texts`: the furthest that they can move a share of the answered texts. */
  readonly missingShare: number;
  readonly drawn: number;
  readonly checked: number;
  /** Share of the answered texts on which student and teacher agree. */
  readonly agreement: number;
  /** The lowest and the highest that the agreement on all texts can be, whatever the teacher would have answered. */
  readonly agreementBounds: readonly [number, number];
  readonly strata: readonly AuditedStratum[];
  /** How often each is right, of the texts that had an answer at the first draw; undefined until something of each stratum is checked. */
  readonly right: {readonly teacher: ShareRight; readonly student: ShareRight} | undefined;
  /** How often the student is right less how often the teacher is; undefined as `right` is. */
  readonly difference: ShareDifference | undefined;
  /** Of the texts that were checked and on which the two disagree, who was right. */
  readonly disagreements: {readonly checked: number; readonly teacher: number; readonly student: number};
  /** Ids in the table of texts on which they are wrong. */
  readonly wrong: {readonly teacher: readonly string[]; readonly student: readonly string[]};
  readonly ledger: LedgerTotals;
}

export interface AuditedStratum {
  readonly name: StratumName;
  readonly texts: number;
  readonly drawn: number;
  readonly checked: number;
  readonly teacherRight: number;
  readonly studentRight: number;
}

/** Where the table of an audit is, and beside it how its texts were drawn. */
export function auditPaths(directory: string): {readonly table: string; readonly design: string} {
  return {table: join(directory, 'audit.csv'), design: join(directory, 'audit.json')};
}

/**
 * Lets a person check texts of the test split. The first time they are drawn and written into a table; afterwards it is
 * read, and what was filled in says how often teacher and student are right.
 *
 * @throws InputError where the inputs are no texts, and where the table or what is filled in can't be read
 */
export async function audit(study: Study, student: Student, options: AuditOptions = {}): Promise<Audit> {
  const inputs = textsOf(study, student);
  const ids = inputs.texts.map(text => idOf({kind: 'text', text}));
  const {table: path, design: designPath} = auditPaths(study.directory);
  // Before anybody is asked: a design that doesn't fit is found for free.
  const before = await readDesign(designPath, ids);
  const {labels, confidence} = await answersOf(study, student, options);
  const reference = await askReference(study);
  const teacher = labelsOfAll(reference, inputs.count);
  const {items, seed = 0, delimiter = ','} = options;
  const strata = () => strataOfAll(reference, labels, confidence);
  const design = before ? extended(before, items ?? 0) : newDesign(ids, strata(), items ?? 50, seed);
  await writeDesign(designPath, design);
  const drawn = drawnInputs(design);
  const table = await written(path, {drawn, ids, texts: inputs.texts, delimiter}, study.signal);
  const truth = filledIn(path, table, {drawn, ids, classes: study.data.classes});
  const {missing} = reference;
  const agreement = agreementOf(reference, labels);
  return {
    ...{path, teacher: reference.name, texts: inputs.count, drawn: drawn.length, ledger: reference.ledger},
    ...{missing: missing.count, missingShare: missing.share},
    ...{agreement, agreementBounds: boundsWithMissing(agreement, missing)},
    ...measured({design, drawn, ids, truth, teacher, student: labels}),
  };
}

function textsOf({data}: Study, {classes}: Student): TextInputs {
  if (!sameClasses(classes, data.classes)) {
    throw new InputError(
      `The student's classes (${classes.join(', ')}) are not those of the data (${data.classes.join(', ')}). ` +
        'Name a student that was trained by this recipe.',
    );
  }
  const {inputs} = data.test;
  if (inputs.kind === 'text') return inputs;
  throw new InputError('An audit shows texts to a person, and the inputs of this recipe are numbers.');
}

async function answersOf(
  {data, signal}: Study,
  student: Student,
  {onFallback}: AuditOptions,
): Promise<{readonly labels: Int32Array; readonly confidence: Float64Array}> {
  const logits = await predictLogits(student, data.test.inputs, {
    ...(onFallback && {onFallback}),
    ...(signal && {signal}),
  });
  const classes = student.classes.length;
  const labels = argmaxRows(logits, classes);
  const probabilities = softmaxRows(logits, classes, student.calibration?.temperature);
  return {labels, confidence: Float64Array.from(labels, (label, row) => probabilities[row * classes + label]!)};
}

const COLUMNS = ['label'];

interface Asked {
  readonly drawn: readonly number[];
  readonly ids: readonly string[];
}

/** The table, after every text that was drawn has its row. What either model said of a text is not shown. */
async function written(
  path: string,
  {drawn, ids, texts, delimiter}: Asked & {readonly texts: readonly string[]; readonly delimiter: Delimiter},
  signal?: AbortSignal,
): Promise<Table> {
  const {content, problem} = await changeFile(
    path,
    before => {
      const table = readTable(path, before ?? newTable(COLUMNS, delimiter), COLUMNS);
      const missing = new Map(drawn.filter(index => !table.rows.has(ids[index]!)).map(index => [ids[index]!, index]));
      if (missing.size === 0) return undefined;
      return withQueries(
        table,
        Array.from(missing, ([id, index]) => ({id, text: texts[index]!})),
      );
    },
    signal,
  );
  if (problem !== undefined || content === undefined) throw new InputError(problem ?? `${path} is gone. Run again.`);
  return readTable(path, content, COLUMNS);
}

/** Slips that a message tells of. */
const SHOWN = 5;

/**
 * What a person says of the texts that were checked.
 *
 * @returns classes by index of the text
 * @throws InputError that tells of the cells that hold no class
 */
function filledIn(
  path: string,
  {rows}: Table,
  {drawn, ids, classes}: Asked & {readonly classes: readonly string[]},
): ReadonlyMap<number, number> {
  const columns = [{name: COLUMNS[0]!, read: labelReader(classes)}];
  const truth = new Map<number, number>();
  const problems: string[] = [];
  for (const index of drawn) {
    const about = rows.get(ids[index]!) ?? [];
    if (about.every(({cells}) => cells[0] === '')) continue;
    const values = valuesIn(about, columns);
    if (typeof values === 'string') problems.push(values);
    else truth.set(index, values[0]!);
  }
  if (problems.length === 0) return truth;
  const more = problems.length > SHOWN ? `\n  and ${problems.length - SHOWN} more` : '';
  throw new InputError(`${path} can't be counted yet:\n  ${problems.slice(0, SHOWN).join('\n  ')}${more}`);
}

interface Compared extends Asked {
  readonly design: AuditDesign;
  readonly truth: ReadonlyMap<number, number>;
  /** [texts] */
  readonly teacher: Int32Array;
  /** [texts] */
  readonly student: Int32Array;
}

function measured({
  design,
  drawn,
  ids,
  truth,
  teacher,
  student,
}: Compared): Pick<Audit, 'checked' | 'strata' | 'right' | 'difference' | 'disagreements' | 'wrong'> {
  const isRight = (labels: Int32Array) => (index: number) => labels[index] === truth.get(index);
  const [teacherIsRight, studentIsRight] = [isRight(teacher), isRight(student)];
  const checked = drawn.filter(index => truth.has(index));
  const sizes = sizesOf(design.strata);
  const strata = STRATA.map((name, stratum): AuditedStratum => {
    const own = checked.filter(index => design.strata[index] === stratum);
    return {
      ...{name, texts: sizes[stratum]!, drawn: design.drawn[stratum]!, checked: own.length},
      teacherRight: own.filter(teacherIsRight).length,
      studentRight: own.filter(studentIsRight).length,
    };
  });
  const isComplete = strata.every(({texts, checked: own}) => texts === 0 || own > 0);
  const share = (right: 'teacherRight' | 'studentRight') =>
    shareRight(strata.map(row => ({size: row.texts, checked: row.checked, right: row[right]})));
  const isDiffering = (index: number) => teacher[index] !== student[index];
  const differing = checked.filter(isDiffering);
  const differences = STRATA.map((_, stratum) => {
    const isOwn = (index: number) => design.strata[index] === stratum;
    const own = differing.filter(isOwn);
    const size = ids.filter((_, index) => isOwn(index) && isDiffering(index)).length;
    const [one, other] = [teacherIsRight, studentIsRight].map(right => own.filter(right).length);
    return {size, checked: own.length, one: one!, other: other!};
  });
  const wrong = (isSo: (index: number) => boolean) => checked.filter(index => !isSo(index)).map(index => ids[index]!);
  return {
    checked: checked.length,
    strata,
    right: isComplete ? {teacher: share('teacherRight'), student: share('studentRight')} : undefined,
    difference: isComplete
      ? shareDifference(
          differences,
          sizes.reduce((sum, size) => sum + size, 0),
        )
      : undefined,
    disagreements: {
      checked: differing.length,
      teacher: differing.filter(teacherIsRight).length,
      student: differing.filter(studentIsRight).length,
    },
    wrong: {teacher: wrong(teacherIsRight), student: wrong(studentIsRight)},
  };
}
