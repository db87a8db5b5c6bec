import {existsSync, renameSync} from 'node:fs';
import {queriesAbout} from '../../ask/collect.ts';
import {askEach} from '../../ask/each.ts';
import {InputError} from '../../errors.ts';
import {loadRecipe} from '../../recipe/load.ts';
import {transferOf} from '../../recipe/resolve.ts';
import {isStoreUrl, journalOf} from '../../store/cache-path.ts';
import {rebuildStore} from '../../store/journal/rebuild.ts';
import {isDamagedLmdb} from '../../store/lmdb/file.ts';
import {readRecipe} from '../../study/checks.ts';
import {openStudy} from '../../study/study.ts';
import {studyOptions} from '../study-options.ts';
import {openTerminal, type Terminal} from '../terminal.ts';
import {type CacheFlags, withNewStore} from './with-store.ts';

/**
 * Puts the answers of the journal into a cache that lacks them. Those that were not written down as answers are read from
 * their raw replies by the teachers of the recipe, where one is given.
 */
export async function runRebuild(path: string | undefined, flags: CacheFlags): Promise<void> {
  const {cache} = flags;
  const terminal = openTerminal({json: flags.json ?? false});
  const journal = journalOf(cache);
  if (!existsSync(journal)) {
    throw new InputError(`There is no journal at ${journal}, of which ${cache} could be made again. Check --cache.`);
  }
  const aside = moveAside(cache);
  if (aside !== undefined) terminal.note(`${cache} is damaged. It is ${aside} now, and a new one is made.`);
  await withNewStore(cache, async store => {
    const before = await store.count();
    if (path !== undefined) await readByRecipe(path, flags, terminal);
    const {answers, unread} = await rebuildStore(store, journal);
    const added = (await store.count()) - before;
    const text = `Added ${added} answers to ${store.name}; the journal has ${answers}`;
    const rest = unread === 0 ? '' : ` and ${unread} that only their teacher can read. ${remedyFor(path)}`;
    terminal.result({cache: store.name, journal, answers, added, unread, ...(aside && {aside})}, text + rest);
  });
}

function remedyFor(path: string | undefined): string {
  return path === undefined
    ? 'Name its recipe, `limbeck cache rebuild RECIPE`, or run `limbeck label` as before: it reads them first'
    : 'They are of other inputs or another teacher than this recipe’s, or could not be read';
}

/** Never deleted: somebody may get more out of it. */
function moveAside(cache: string): string | undefined {
  if (isStoreUrl(cache) || !isDamagedLmdb(cache)) return undefined;
  const aside = `${cache}-damaged-${new Date().toISOString().replace(/[-:.]/g, '')}`;
  renameSync(cache, aside);
  return aside;
}

/** Asks a recipe's teachers about its transfer sets, offline: what is in the journal is read, and kept. */
async function readByRecipe(path: string, flags: CacheFlags, terminal: Terminal): Promise<void> {
  const recipe = await readRecipe(await loadRecipe(path));
  const study = await openStudy(recipe, recipe.levels, studyOptions({...flags, offline: true}, terminal));
  try {
    for (const plan of recipe.queryPlans) {
      const {teacher} = study.asking.open(study.teacherFor(plan));
      const queries = queriesAbout(transferOf(plan, recipe.drawn));
      // What is not in the journal stays unanswered.
      await askEach(teacher, queries, () => {}, {detail: plan.detail});
    }
  } finally {
    await study.close();
  }
}
