import writeFileAtomic from 'write-file-atomic';
import {InputError} from '../errors.ts';
import {withoutSecrets} from '../secrets.ts';
import {besideEarlier, readStudy} from '../study/against.ts';
import {renderReport} from '../study/report/page.ts';
import {resultsTable} from '../study/table.ts';
import {openTerminal} from './terminal.ts';

interface ReportFlags {
  readonly against?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** Shows the results of a study that has ended, and beside those of an earlier one if it is named. */
export async function runReport(path: string, {against, html, json = false}: ReportFlags): Promise<void> {
  const study = await readStudy(path);
  const earlier = against === undefined ? study.results.earlier : besideEarlier(study, await readStudy(against));
  const results = {...study.results, earlier};
  if (html !== undefined) await write(html, renderReport(results));
  const table = resultsTable(results, {colour: process.stdout.isTTY === true});
  openTerminal({json}).result(results, html === undefined ? table : `${table}\n\nReport: ${html}`);
}

async function write(file: string, page: string): Promise<void> {
  await writeFileAtomic(file, withoutSecrets(page)).catch((cause: unknown) => {
    throw new InputError(`${file} can't be written: ${(cause as Error).message}. Name another file with \`--html\`.`, {
      cause,
    });
  });
}
