import {dirname} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {InputError} from '../errors.ts';
import {withoutSecrets} from '../secrets.ts';
import {besideEarlier, readStudy} from '../study/against.ts';
import {besideEarlierQuestions, readQuestionsStudy} from '../study/joint/against.ts';
import {isOfSeveral, jointDocument} from '../study/joint/files.ts';
import {jointText, questionTexts} from '../study/joint/tables.ts';
import {renderJointReport} from '../study/report/joint-page.ts';
import {renderReport} from '../study/report/page.ts';
import {resultsTable} from '../study/table.ts';
import {openTerminal} from './terminal.ts';

interface ReportFlags {
  readonly against?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** Shows the results of a study that has ended, and beside those of an earlier one if it is named. */
export async function runReport(path: string, flags: ReportFlags): Promise<void> {
  if (await isOfSeveral(path)) return reportQuestions(path, flags);
  const {against, html, json = false} = flags;
  const study = await readStudy(path);
  const earlier = against === undefined ? study.results.earlier : besideEarlier(study, await readStudy(against));
  const results = {...study.results, earlier};
  if (html !== undefined) await write(html, renderReport(results));
  const table = resultsTable(results, {colour: process.stdout.isTTY === true});
  openTerminal({json}).result(results, html === undefined ? table : `${table}\n\nReport: ${html}`);
}

/** The same of a study of several questions: each, and all together. */
async function reportQuestions(path: string, {against, html, json = false}: ReportFlags): Promise<void> {
  const study = await readQuestionsStudy(path);
  const results =
    against === undefined ? study.results : besideEarlierQuestions(study, await readQuestionsStudy(against));
  if (html !== undefined) {
    const folder = dirname(html);
    await write(html, renderJointReport(results, {folder, document: jointDocument(folder, results)}));
  }
  const colour = process.stdout.isTTY === true;
  const texts = [...questionTexts(results, {colour}), jointText(results, {colour})];
  openTerminal({json}).result(results, [...texts, ...(html === undefined ? [] : [`Report: ${html}`])].join('\n\n'));
}

async function write(file: string, page: string): Promise<void> {
  await writeFileAtomic(file, withoutSecrets(page)).catch((cause: unknown) => {
    throw new InputError(`${file} can't be written: ${(cause as Error).message}. Name another file with \`--html\`.`, {
      cause,
    });
  });
}
