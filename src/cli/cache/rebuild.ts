import {existsSync, renameSync} from 'node:fs';
import {askEach} from '../../ask/batches.ts';
import {queriesAbout} from '../../ask/collect.ts';
import {InputError} from '../../errors.ts';
import {loadRecipe} from '../../recipe/load.ts';
import {recipeOfFirst} from '../../recipe/questions.ts';
import {resolveRecipe} from '../../recipe/resolve.ts';
import {isStoreUrl, journalOf} from '../../store/cache-path.ts';
import {rebuildStore} from '../../store/journal/rebuild.ts';
import {isDamagedLmdb} from '../../store/lmdb/file.ts';
import {openStudy} from '../../study/study.ts';
import {studyOptions} from '../study-options.ts';
import {openTerminal, type Terminal} from '../terminal.ts';
import {type CacheFlags, withNewStore} from './with-store.ts';

/**
 * Adds the answers of the journal to a cache that lacks them. Raw replies without a recorded answer are read by the
 * teachers of the recipe, if one is given.
 */
export async function runRebuild(path: string | undefined, flags: CacheFlags): Promise<void> {
  const {cache} = flags;
  const terminal = openTerminal({json: flags.json ?? false});
  const journal = journalOf(cache);
  if (!existsSync(journal)) {
    throw new InputError(`There is no journal at ${journal} to rebuild ${cache} from. Check --cache.`);
  }
  const aside = moveAside(cache);
  if (aside !== undefined) terminal.note(`${cache} is damaged. It was renamed to ${aside}, and a new one is created.`);
  await withNewStore(cache, async store => {
    const before = await store.count();
    if (path !== undefined) await readByRecipe(path, flags, terminal);
    const {answers, unread} = await rebuildStore(store, journal);
    const added = (await store.count()) - before;
    const text = `Added ${added} answers to ${store.name}; the journal has ${answers}`;
    const rest = unread === 0 ? '' : ` and ${unread} that only their teacher can read. ${remedyFor(path)}`;
    terminal.result({cache: store.name, journal, answers, added, unread, aside}, text + rest);
  });
}

function remedyFor(path: string | undefined): string {
  return path === undefined
    ? 'Name its recipe with `limbeck cache rebuild RECIPE`, or run `limbeck label` as before, which reads them first'
    : 'They belong to inputs or teachers outside this recipe, or could not be read';
}

/** Renamed and not deleted, because some of it may be recoverable. */
function moveAside(cache: string): string | undefined {
  if (isStoreUrl(cache) || !isDamagedLmdb(cache)) return undefined;
  const aside = `${cache}-damaged-${new Date().toISOString().replace(/[-:.]/g, '')}`;
  renameSync(cache, aside);
  return aside;
}

/** Puts a recipe's transfer sets to its teachers offline, so that answers in the journal are read and kept. */
async function readByRecipe(path: string, flags: CacheFlags, terminal: Terminal): Promise<void> {
  const recipe = await resolveRecipe(recipeOfFirst(await loadRecipe(path)));
  const study = await openStudy(recipe, recipe.levels, studyOptions({...flags, offline: true}, terminal));
  try {
    for (const plan of recipe.queryPlans) {
      const {teacher} = study.asking.open(study.teacherFor(plan));
      const queries = queriesAbout(recipe.transferOf(plan));
      // Inputs that are not in the journal stay unanswered.
      await askEach(teacher, queries, () => {}, {detail: plan.detail});
    }
  } finally {
    await study.close();
  }
}
