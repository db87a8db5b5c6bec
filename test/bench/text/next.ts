/** How often the interval of what further answers buy holds what they bought: `npm run bench:next`. See ../README.md. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Command} from 'commander';
import {compare, hashedNgrams, startEngine} from 'limbeck';
import {mean} from '../../../src/evaluate/statistics.ts';
import {recipeOf, type Taught, type TextSet, textSets} from './sets.ts';

const settings = new Command('bench:next')
  .description('Counts how often the interval of what further answers buy holds what they bought.')
  .option('--texts <folder>', 'also a folder with train.jsonl and test.jsonl of lines with `text` and `label`')
  .option('--sets <name...>', 'only these sets of texts: mails, languages, folder')
  .option('--answers <number...>', 'numbers of answers so far', ['250', '500', '1000'])
  .option('--draws <number>', 'draws of each', '10')
  .option('--first <seed>', 'the seed of the first draw; each other one takes the next', '1')
  .option('--students <name...>', 'only these students: hashedNgrams, assisted')
  .option('--json <file>', 'also writes every draw')
  .option('--encoder <name>', 'also students with an assistant on this encoder')
  .allowExcessArguments(false)
  .parse()
  .opts<Settings>();

interface Settings {
  readonly texts?: string;
  readonly sets?: readonly string[];
  readonly answers: readonly string[];
  readonly draws: string;
  readonly first: string;
  readonly students?: readonly string[];
  readonly json?: string;
  readonly encoder?: string;
}

const STUDENTS: readonly (Taught & {readonly name: string})[] = [
  {name: 'hashedNgrams', student: hashedNgrams()},
  ...(settings.encoder
    ? [{name: 'assisted', student: hashedNgrams({units: [96]}), assistant: {encoder: settings.encoder}}]
    : []),
].filter(({name}) => settings.students?.includes(name) ?? true);

interface Draw {
  readonly set: string;
  readonly student: string;
  readonly answers: number;
  readonly seed: number;
  readonly bought: number;
  readonly gain: number;
  /** Half the width of the interval. */
  readonly half: number;
  readonly isHeld: boolean;
}

const cache = mkdtempSync(join(tmpdir(), 'limbeck-bench-next-'));

async function trained(set: TextSet, taught: Taught, answers: number, seed: number) {
  const directory = join(cache, 'study');
  rmSync(directory, {recursive: true, force: true});
  const {rows} = await compare(recipeOf(set, {answers, seed}, taught), {directory, cache: join(cache, 'answers')});
  return rows[0]!;
}

await startEngine();
console.log('| set | student | answers | draws | bought | expected | half the interval | held |');
console.log(`|${' --- |'.repeat(8)}`);
const [first, draws] = [Number(settings.first), Number(settings.draws)];
const all: Draw[] = [];
const percent = (share: number): string => (100 * share).toFixed(1);
for (const set of await textSets(settings.texts, settings.sets)) {
  for (const {name, ...taught} of STUDENTS) {
    for (const answers of settings.answers.map(Number)) {
      const drawn: Draw[] = [];
      for (let seed = first; seed < first + draws; seed++) {
        const {agreement, next} = await trained(set, taught, answers, seed);
        if (next === undefined) throw new Error(`Nothing is expected of ${set.name} at ${answers} answers: give more.`);
        const later = await trained(set, taught, answers + next.answers, seed);
        const bought = later.agreement - agreement;
        const [low, high] = next.interval;
        const isHeld = low <= bought && bought <= high;
        const at = {set: set.name, student: name, answers, seed};
        drawn.push({...at, bought, gain: next.gain, half: (high - low) / 2, isHeld});
      }
      const of = (key: 'bought' | 'gain' | 'half') => percent(mean(drawn.map(draw => draw[key])));
      const held = drawn.filter(({isHeld}) => isHeld).length;
      const cells = [set.name, name, answers, drawn.length, of('bought'), of('gain'), of('half'), held];
      console.log(`| ${cells.join(' | ')} |`);
      all.push(...drawn);
      if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify(all, undefined, 1)}\n`);
    }
  }
}
rmSync(cache, {recursive: true, force: true});
