import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {withoutSecrets} from '../secrets.ts';
import type {Results} from './results.ts';

/** Where a study's findings are written. */
export function resultFiles(directory: string): {readonly results: string; readonly report: string} {
  return {results: join(directory, 'results.json'), report: join(directory, 'report.html')};
}

/** Writes `results.json` and `report.html` into a folder, each whole or not at all. */
export async function writeResults(directory: string, results: Results): Promise<void> {
  await mkdir(directory, {recursive: true});
  const files = resultFiles(directory);
  // What draws the plots is large, and most programs write no report.
  const {renderReport} = await import('./report/page.ts');
  await writeFileAtomic(files.results, `${withoutSecrets(JSON.stringify(results, undefined, 2))}\n`);
  await writeFileAtomic(files.report, withoutSecrets(renderReport(results)));
}
