import {mkdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type {Collection, CollectOptions, Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {mixSeed} from '../data/random.ts';
import {transferSet} from '../data/split.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {candidatesOf} from '../recipe/candidates.ts';
import {setApart} from '../recipe/cascade-target.ts';
import type {Method} from '../recipe/recipe.ts';
import type {Selection} from '../select/options.ts';
import {describeRound, type SelectionRound} from '../select/round.ts';
import {selectInRounds} from '../select/select-in-rounds.ts';
import type {Student} from '../student/student.ts';
import {train} from '../train/train.ts';
import {fileNameOf, type Inquiry} from './inquiries.ts';
import type {Study} from './study.ts';
import {freshStudent, trainOptions} from './training.ts';

/** An inquiry of a method that chooses its inputs. */
export type SelectingInquiry = Inquiry & {readonly own: Method & {readonly select: Selection}};

export function isSelecting(inquiry: Inquiry): inquiry is SelectingInquiry {
  return inquiry.own?.select !== undefined;
}

/**
 * Asks a teacher in rounds about training inputs that a method's own students choose, at most as many as are drawn for the
 * others. What each round came to is told, and what was chosen is saved beside the knowledge.
 *
 * @throws as `selectInRounds` does
 */
export async function askSelected(
  study: Study,
  inquiry: SelectingInquiry,
  teacher: LayeredTeacher,
  options: CollectOptions,
): Promise<Collection> {
  const {recipe, data} = study;
  const {own} = inquiry;
  const {size: most, seed = 0} = recipe.transfer;
  const rounds: SelectionRound[] = [];
  const missing: Missing[] = [];
  const selecting = selectInRounds(teacher, transferSet(data.train), {
    ...{...own.select, most, seed, calibration: setApart(recipe, most), ...options},
    train: (knowledge, drawn) => chooser(study, own, knowledge, mixSeed(recipe.seeds[0]!, `chooses by ${drawn}`)),
  });
  for await (const round of selecting) {
    study.onNote(describeRound(round));
    rounds.push(round);
    for (const one of round.missing) missing.push(one);
    await saveSelection(selectionPath(study.directory, inquiry), own.select, rounds);
  }
  const {knowledge, stopped} = rounds.at(-1)!;
  // Otherwise the last answer said so.
  if (stopped !== 'most') options.onProgress?.(most);
  return {knowledge, missing};
}

/** A student that is trained as the method's are, to choose what the teacher is asked next. */
async function chooser(study: Study, method: Method, knowledge: Knowledge, seed: number): Promise<Student> {
  const student = freshStudent(study, candidatesOf(study.recipe)[0]!, seed);
  const {validation, ...options} = trainOptions(study, method, seed, undefined);
  // It costs time, and tells nothing here but when to stop.
  const stopping = options.earlyStopping && validation ? {validation} : {};
  for await (const _epoch of train(student, knowledge, {...options, ...stopping}));
  return student;
}

/** Where it is saved which inputs an inquiry chose. */
export function selectionPath(directory: string, inquiry: Inquiry): string {
  return join(directory, 'knowledge', `${fileNameOf(inquiry)}.selection.json`);
}

async function saveSelection(path: string, {by}: Selection, rounds: readonly SelectionRound[]): Promise<void> {
  const document = {
    by: by.name,
    rounds: rounds.map(({round, rows, held, agreement, gain, stopped}) => ({
      ...{round, answers: rows.length, held, agreement},
      ...(gain && {gain}),
      ...(stopped && {stopped}),
    })),
    /** Places in the training split of what the knowledge is about, in its order. */
    rows: Array.from(rounds.at(-1)!.rows),
  };
  await mkdir(dirname(path), {recursive: true});
  await writeFileAtomic(path, `${JSON.stringify(document, undefined, 2)}\n`);
}
