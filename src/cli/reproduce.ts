import {type Reproduction, reproduce} from '../study/reproduce.ts';
import {studyOptions} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface ReproduceFlags {
  readonly recipe?: string;
  readonly cache: string;
  readonly json?: boolean;
}

export async function runReproduce(directory: string, {recipe, cache, json = false}: ReproduceFlags): Promise<void> {
  const terminal = openTerminal({json});
  const {signal, onProgress, onNote} = studyOptions({}, terminal);
  const found = await reproduce(directory, {recipe, cache, signal, onProgress, onNote});
  terminal.result(found, reproductionText(found));
  if (found.outcome === 'different') process.exitCode = 1;
}

const OUTCOMES: Readonly<Record<Reproduction['outcome'], string>> = {
  'same bits': 'Every number is the same, to the last bit.',
  'within the seeds':
    'The numbers are not the same bits, and each method’s mean agreement lies within the spread of its seeds.',
  different: 'The numbers are not the same.',
};

/** Says for people what came of it. */
export function reproductionText({outcome, changed, differences, directory}: Reproduction): string {
  return [
    OUTCOMES[outcome],
    ...(changed.length > 0 ? [`Not the same as then: ${changed.join(', ')}.`] : []),
    ...differences.slice(0, 20),
    ...(differences.length > 20 ? [`And ${differences.length - 20} more.`] : []),
    `The new results: ${directory}`,
  ].join('\n');
}
