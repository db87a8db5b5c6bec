import {join} from 'node:path';
import {distributionsOf, sameClasses} from '../../data/arrays.ts';
import {DELIMITERS, type Delimiter, idOf} from '../../data/human-table/table.ts';
import type {TextInputs} from '../../data/inputs.ts';
import {InputError} from '../../errors.ts';
import {inputsOfKinds} from '../../input-kinds.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../../options.ts';
import {boundsWithMissing} from '../../statistics/bounds.ts';
import {predictLogits} from '../../student/predict.ts';
import type {Student} from '../../student/student.ts';
import {askReference} from '../reference.ts';
import type {Study} from '../study.ts';
import {drawnInputs, extended, newDesign, readDesign, writeDesign} from './design.ts';
import {type Audit, agreementOf, measureAudit, strataOfAll} from './measure.ts';
import {readLabels, writeTable} from './table.ts';

export interface AuditOptions {
  /**
   * How many texts a person checks in all; no fewer than were drawn before.
   *
   * @default 50
   */
  readonly items?: number | undefined;
  /**
   * Seed of the first draw.
   *
   * @default 0
   */
  readonly seed?: number | undefined;
  /**
   * The separator of the cells of a new table.
   *
   * @default ','
   */
  readonly delimiter?: Delimiter | undefined;
  /** Told why the student runs slower than it could. */
  readonly onFallback?: ((reason: string) => void) | undefined;
}

const KINDS = {
  items: kinds.number,
  seed: kinds.number,
  delimiter: oneOf(...DELIMITERS),
  onFallback: kinds.call,
} satisfies Shape<AuditOptions>;

/** The table of an audit, and beside it the file that says how its texts were drawn. */
export function auditPaths(directory: string): {readonly table: string; readonly design: string} {
  return {table: join(directory, 'audit.csv'), design: join(directory, 'audit.json')};
}

/**
 * Lets a person check texts of the test split. The first time they are drawn and written into a table; afterwards it is
 * read, and what was filled in says how often teacher and student are right.
 *
 * @throws InputError if the inputs are no texts, or if the table or what is filled in can't be read
 */
export async function audit(study: Study, student: Student, options: AuditOptions = {}): Promise<Audit> {
  checkOptions('audit', options, KINDS);
  const inputs = textsOf(study, student);
  const ids = inputs.texts.map(text => idOf({kind: 'text', text}));
  const {table: path, design: designPath} = auditPaths(study.directory);
  // Before anybody is asked: a design that doesn't fit is found for free.
  const before = await readDesign(designPath, ids);
  const {labels, confidence} = await answersOf(study, student, options);
  const reference = await askReference(study);
  const {items, seed = 0, delimiter = ','} = options;
  const strata = () => strataOfAll(reference, labels, confidence);
  const design = before ? extended(before, items ?? 0) : newDesign(ids, strata(), items ?? 50, seed);
  await writeDesign(designPath, design);
  const drawn = drawnInputs(design);
  const table = await writeTable(path, {drawn, ids, texts: inputs.texts, delimiter}, study.signal);
  const truth = readLabels(path, table, {drawn, ids, classes: study.recipe.data.classes});
  const {missing} = reference;
  const agreement = agreementOf(reference, labels);
  return {
    path,
    teacher: reference.name,
    texts: inputs.count,
    drawn: drawn.length,
    ledger: reference.ledger,
    missing: missing.count,
    missingShare: missing.share,
    agreement,
    agreementBounds: boundsWithMissing(agreement, missing),
    ...measureAudit({design, drawn, ids, truth, teacher: reference.named, student: labels}),
  };
}

function textsOf({recipe: {data}}: Study, {classes}: Student): TextInputs {
  if (!sameClasses(classes, data.classes)) {
    throw new InputError(
      `The student's classes (${classes.join(', ')}) are not those of the data (${data.classes.join(', ')}). ` +
        'Name a student that was trained by this recipe.',
    );
  }
  const {inputs} = data.test;
  if (inputs.kind === 'text') return inputs;
  const found = inputs.kind === 'tensor' ? 'numbers' : inputsOfKinds(inputs.kind);
  throw new InputError(`An audit shows texts to a person, and the inputs of this recipe are ${found}.`);
}

async function answersOf(
  {recipe: {data}, signal}: Study,
  student: Student,
  {onFallback}: AuditOptions,
): Promise<{readonly labels: Int32Array; readonly confidence: Float64Array}> {
  const logits = await predictLogits(student, data.test.inputs, {
    onFallback,
    signal,
  });
  const {named, confidences} = distributionsOf(logits, student.classes.length, student.calibration?.temperature);
  return {labels: named, confidence: confidences};
}
