import {
  type ShareDifference,
  type ShareRight,
  STRATA,
  type StratumName,
  shareDifference,
  shareRight,
  strataOf,
} from '../../evaluate/audit.ts';
import type {Reference} from '../reference.ts';
import type {LedgerTotals} from '../results.ts';
import {type AuditDesign, LEFT_OUT, sizesOf} from './design.ts';
import type {Drawn} from './table.ts';

/** A teacher and a student, measured by the texts that a person checked. */
export interface Audit {
  /** The table that a person fills. */
  readonly path: string;
  readonly teacher: string;
  /** Texts of the test split. */
  readonly texts: number;
  /** The texts among these that the teacher left without an answer. */
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
  /** How often each is right on texts with an answer at the first draw; undefined until one of each stratum is checked. */
  readonly right: {readonly teacher: ShareRight; readonly student: ShareRight} | undefined;
  /** How often the student is right less how often the teacher is; undefined as `right` is. */
  readonly difference: ShareDifference | undefined;
  /** Who was right on the checked texts on which the two disagree. */
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

// In this file `student` and `confidence` are [texts], of the whole test split.

/** [texts], with those left out that have no answer. */
export function strataOfAll({rows, labels}: Reference, student: Int32Array, confidence: Float64Array): Uint8Array {
  const answered = strataOf(
    labels,
    rows.map(row => student[row]!),
    Float64Array.from(rows, row => confidence[row]!),
  );
  const all = new Uint8Array(student.length).fill(LEFT_OUT);
  for (const [index, row] of rows.entries()) all[row] = answered[index]!;
  return all;
}

/** Share of the answered texts on which student and teacher agree. */
export function agreementOf({rows, labels}: Reference, student: Int32Array): number {
  return labels.filter((label, index) => label === student[rows[index]!]).length / labels.length;
}

export interface Checked extends Drawn {
  readonly design: AuditDesign;
  readonly truth: ReadonlyMap<number, number>;
  /** [texts] */
  readonly teacher: Int32Array;
  /** [texts] */
  readonly student: Int32Array;
}

/** Compares what a person filled in with teacher and student. */
export function measureAudit({
  design,
  drawn,
  ids,
  truth,
  teacher,
  student,
}: Checked): Pick<Audit, 'checked' | 'strata' | 'right' | 'difference' | 'disagreements' | 'wrong'> {
  const isRight = (labels: Int32Array) => (index: number) => labels[index] === truth.get(index);
  const [teacherIsRight, studentIsRight] = [isRight(teacher), isRight(student)];
  const checked = drawn.filter(index => truth.has(index));
  const sizes = sizesOf(design.strata);
  const strata = STRATA.map((name, stratum): AuditedStratum => {
    const own = checked.filter(index => design.strata[index] === stratum);
    return {
      name,
      texts: sizes[stratum]!,
      drawn: design.drawn[stratum]!,
      checked: own.length,
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
