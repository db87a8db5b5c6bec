import {existsSync} from 'node:fs';
import {join} from 'node:path';
import type {Delimiter} from '../data/human-table/table.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import {planMethods} from '../recipe/resolve.ts';
import {loadStudent} from '../student/files.ts';
import {audit} from '../study/audit/audit.ts';
import {readRecipe} from '../study/checks.ts';
import {studentPath} from '../study/run.ts';
import {directoryOf, openStudy} from '../study/study.ts';
import {auditText} from './audit-text.ts';
import {engineLine} from './engine.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {noteFallback, openTerminal} from './terminal.ts';

export type DelimiterName = 'comma' | 'semicolon' | 'tab';

const DELIMITERS: Readonly<Record<DelimiterName, Delimiter>> = {comma: ',', semicolon: ';', tab: '\t'};

interface AuditFlags extends StudyFlags {
  readonly student?: string;
  readonly items?: number;
  readonly seed?: number;
  readonly delimiter: DelimiterName;
}

export async function runAudit(path: string, {items, seed, delimiter, ...flags}: AuditFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const source = await loadRecipe(path);
  const options = studyOptions(flags, terminal);
  const directory = directoryOf(source, options);
  const folder = flags.student ?? studentPath(directory, planMethods(source.methods).methods.at(-1)!, source.seeds[0]!);
  if (!existsSync(join(folder, 'limbeck.json'))) {
    throw new InputError(
      `There is no student in ${folder}. Train one: limbeck train ${path}. Or name one with \`--student\`.`,
    );
  }
  terminal.note(await engineLine());
  const student = await loadStudent(folder);
  const recipe = await readRecipe(source);
  const study = await openStudy(recipe, [recipe.reference], options);
  try {
    if (isLabelled(recipe.data)) {
      terminal.note(
        `The test split has labels, with which \`limbeck evaluate ${folder} ${path}\` measures free of charge.`,
      );
    }
    const result = await audit(study, student, {
      ...(items !== undefined && {items}),
      ...(seed !== undefined && {seed}),
      delimiter: DELIMITERS[delimiter],
      onFallback: noteFallback(terminal),
    });
    terminal.result({student: folder, ...result}, auditText(result, path, recipe.data.classes));
  } finally {
    await study.close();
  }
}
