import {KnowledgeError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import {probeStudy} from '../study/probe.ts';
import {list} from '../study/report/format.ts';
import type {Access} from '../teacher.ts';
import {brokenLevels, probeText} from './probe-text.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface ProbeFlags extends Omit<StudyFlags, 'out' | 'driftEvery'> {
  readonly level?: Access;
  readonly questions: number;
}

export async function runProbe(path: string, {level, questions, ...flags}: ProbeFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await loadRecipe(path);
  const options = {...studyOptions(flags, terminal), questions, ...(level && {levels: [level]})};
  const probe = await probeStudy(recipe, options);
  terminal.result(probe, probeText(probe));
  const broken = brokenLevels(probe);
  if (broken.length === 0) return;
  throw new KnowledgeError(
    `The recipe ${recipe.name} can't be used in its present form. The report names the errors of ${list(broken)} and their remedies.`,
  );
}
