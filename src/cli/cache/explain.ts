import {Command, Option} from 'commander';
import {inputAt} from '../../data/inputs.ts';
import {InputError} from '../../errors.ts';
import {describeDetail, satisfies} from '../../knowledge/coarsen.ts';
import {describeDifferences, explainMiss} from '../../knowledge/explain.ts';
import {digestKey, digestQuestion} from '../../knowledge/key.ts';
import {detailOfLevel, LEVELS, levelsOf} from '../../study/methods.ts';
import {openStudy} from '../../study/study.ts';
import type {Access} from '../../teacher.ts';
import {loadRecipe} from '../load-recipe.ts';
import {wholeNumber} from '../numbers.ts';
import {studyOptions} from '../study-options.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withFlags, withStore} from './with-store.ts';

interface ExplainFlags extends CacheFlags {
  readonly input: number;
  readonly level?: Access;
}

/** `limbeck cache explain RECIPE`: whether an input is served from the cache, and why not. */
export function explainCommand(): Command {
  return withFlags(new Command('explain'))
    .description('say whether an input of a recipe is served from the cache, and why not')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--input <index>', 'which input of the transfer set', wholeNumber, 0)
    .addOption(new Option('--level <level>', 'of this level (default: the first of the recipe)').choices(LEVELS))
    .action(runExplain);
}

async function runExplain(path: string, flags: ExplainFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await loadRecipe(path);
  const level = flags.level ?? levelsOf(recipe)[0]!;
  const study = await openStudy(recipe, [level], studyOptions({...flags, offline: true}, terminal));
  try {
    const {inputs} = study.drawn;
    if (flags.input < 0 || flags.input >= inputs.count) {
      throw new InputError(`The transfer set has inputs 0 to ${inputs.count - 1}, not ${flags.input}.`);
    }
    const {identity} = study.openLevel(level).teacher;
    const digest = digestQuestion({input: inputAt(inputs, flags.input)});
    const key = digestKey(identity, digest);
    const wanted = detailOfLevel(recipe, level);
    await withStore(flags.cache, async store => {
      const stored = await store.get(key);
      if (stored && satisfies(stored.detail, wanted)) {
        terminal.result({key, isKept: true}, `Input ${flags.input} is kept: ${key}, ${describeDetail(stored.detail)}`);
      } else if (stored) {
        const [held, asked] = [describeDetail(stored.detail), describeDetail(wanted)];
        terminal.result(
          {key, isKept: false, held, wanted: asked},
          `Input ${flags.input} is kept with ${held}, and ${asked} is wanted: ${key}`,
        );
      } else {
        const nearest = await explainMiss(store, identity, digest);
        const why = nearest
          ? `The nearest is ${nearest.key}: its ${describeDifferences(nearest.differences)}`
          : 'Nothing is kept at all';
        terminal.result({key, isKept: false, nearest}, `Input ${flags.input} is not kept: ${key}\n${why}`);
      }
    });
  } finally {
    await study.close();
  }
}
