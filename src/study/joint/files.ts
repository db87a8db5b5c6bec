import {mkdir, stat} from 'node:fs/promises';
import {basename, dirname, join, relative} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {InputError} from '../../errors.ts';
import {withoutSecrets} from '../../secrets.ts';
import {fileIn, readDocument, readResults} from '../read-results.ts';
import type {JointResults, QuestionResults, QuestionsResults} from './results.ts';
import {JOINT_FORMAT, jointSchema} from './schema.ts';

/** The files about all questions of a study together. */
export function jointFiles(directory: string): Readonly<Record<'results' | 'csv' | 'markdown' | 'report', string>> {
  const [results, csv, markdown] = ['json', 'csv', 'md'].map(ending => join(directory, `joint.${ending}`)) as [
    string,
    string,
    string,
  ];
  return {results, csv, markdown, report: join(directory, 'report.html')};
}

/**
 * Whether a path is that of a study of several questions.
 *
 * @param path - a file of results, or the folder of a study. If it has results of both kinds, the later ones count.
 */
export async function isOfSeveral(path: string): Promise<boolean> {
  const [joint, single] = await Promise.all(['joint.json', 'results.json'].map(name => modifiedAt(join(path, name))));
  if (joint === undefined) return basename(path) === 'joint.json';
  return single === undefined || joint > single;
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({mtimeMs}) => mtimeMs,
    () => undefined,
  );
}

/** Writes each file whole or not at all. */
export async function writeJointResults(directory: string, results: QuestionsResults): Promise<void> {
  // The package that draws plots is large, and most programs write no report.
  const {renderJointReport} = await import('../report/joint-page.ts');
  const {jointCsv, jointMarkdown} = await import('./tables.ts');
  const document = jointDocument(directory, results);
  await mkdir(directory, {recursive: true});
  const files = jointFiles(directory);
  const texts = [
    [files.results, `${JSON.stringify(document, undefined, 2)}\n`],
    [files.csv, jointCsv(results)],
    [files.markdown, jointMarkdown(results)],
    [files.report, renderJointReport(results, {folder: directory, document})],
  ] as const;
  for (const [path, text] of texts) await writeFileAtomic(path, withoutSecrets(text));
}

/** The results of each question stand in a file of their own. */
export function jointDocument(directory: string, {questions, ...findings}: QuestionsResults): JointResults {
  const entries = questions.map(({question: {name, type, instructions}, directory: own, results, measures}) => ({
    ...{name, type, instructions, directory: relative(directory, own)},
    ...{finishedAt: results.finishedAt, measures},
  }));
  return {...findings, questions: entries};
}

/**
 * Reads the results of a study of several questions. They have NaN for each null of the files that stands for a number that
 * is not finite.
 *
 * @param path - `joint.json`, or the folder that holds it
 * @throws InputError if there is no such file, or if it or the results of a question can't be read
 */
export async function readQuestionsResults(path: string): Promise<QuestionsResults> {
  const file = await fileIn(path, 'joint.json');
  const {questions, ...findings} = await readDocument(file, {format: JOINT_FORMAT, schema: jointSchema});
  const found: QuestionResults[] = [];
  for (const {name, type, instructions, directory: own, finishedAt, measures} of questions) {
    const directory = join(dirname(file), own);
    const results = await readResults(directory);
    // A study that was killed while it wrote its files can leave those of the one before.
    if (results.finishedAt !== finishedAt) {
      throw new InputError(
        `${file} is not of the same run as the results in ${directory}. Run \`limbeck compare\` again; kept answers cost nothing.`,
      );
    }
    found.push({question: {name, type, instructions}, directory, results, measures});
  }
  return {...findings, questions: found};
}
