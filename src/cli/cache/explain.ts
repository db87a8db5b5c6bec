import {leavesOf} from '../../ask/compose/parts.ts';
import {findKept, type TakingLookup} from '../../ask/keep/kept-answers.ts';
import {inputAt} from '../../data/inputs.ts';
import {InputError} from '../../errors.ts';
import {describeDetail, satisfies} from '../../knowledge/coarsen.ts';
import {loadRecipe} from '../../recipe/load.ts';
import {detailOfLevel} from '../../recipe/methods.ts';
import {recipeOfFirst} from '../../recipe/questions.ts';
import {resolveRecipe} from '../../recipe/resolve.ts';
import {journalOf} from '../../store/cache-path.ts';
import {describeDifferences, explainMiss, type Nearest} from '../../store/explain.ts';
import {JournalReader} from '../../store/journal/reader.ts';
import {digestKey, digestQuery, type ImportedFrom} from '../../store/stored-answer.ts';
import {measurable} from '../../study/reference.ts';
import {openStudy} from '../../study/study.ts';
import type {Access, Detail, Query, Teacher} from '../../teacher.ts';
import {studyOptions} from '../study-options.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withStore} from './with-store.ts';

interface ExplainFlags extends CacheFlags {
  readonly input: number;
  readonly level?: Access;
  /** The inputs that `input` counts in. */
  readonly split?: 'transfer' | 'test';
}

export async function runExplain(path: string, flags: ExplainFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await resolveRecipe(recipeOfFirst(await loadRecipe(path)));
  const {split = 'transfer'} = flags;
  // Only the level that students are measured against is asked about the test split.
  const level = flags.level ?? (split === 'test' ? recipe.reference : recipe.levels[0]!);
  const study = await openStudy(recipe, [level], studyOptions({...flags, offline: true}, terminal));
  const replies = new JournalReader(journalOf(flags.cache));
  try {
    const {inputs} = split === 'test' ? recipe.data.test : recipe.drawn;
    if (flags.input < 0 || flags.input >= inputs.count) {
      const [name, other] = split === 'test' ? ['test split', 'transfer'] : ['transfer set', 'test'];
      throw new InputError(
        `The ${name} has inputs 0 to ${inputs.count - 1}, not ${flags.input}. \`--split ${other}\` has others.`,
      );
    }
    const query = {input: inputAt(inputs, flags.input)};
    const {teacher} = study.openLevel(level);
    await withStore(flags.cache, async store => {
      const subject = `Input ${flags.input}${split === 'test' ? ' of the test split' : ''}`;
      const lookup = {store, replies};
      const wanted = split === 'test' ? measurable(teacher.detail) : detailOfLevel(recipe.methods, level);
      if (teacher.parts === undefined) {
        const explained = await explain({teacher, query, wanted}, lookup);
        return terminal.result(explained, textOf(subject, explained));
      }
      const parts: PartExplained[] = [];
      for (const {teacher: part, detail, beforehand, queriesFor} of leavesOf(teacher, wanted)) {
        if (beforehand) continue;
        for (const asked of await queriesFor(query)) {
          const explained = await explain({teacher: part, query: asked, wanted: detail}, lookup);
          parts.push({teacher: part.name, sample: asked.sample ?? 0, ...explained});
        }
      }
      const lines = parts.map(part => textOf(`${subject}, ${part.teacher}, sample ${part.sample},`, part));
      terminal.result({parts}, lines.join('\n'));
    });
  } finally {
    await replies.close();
    await study.close();
  }
}

interface Explained {
  readonly key: string;
  /** True if it is served from the cache. */
  readonly isKept: boolean;
  /** The detail of the kept answer. */
  readonly held?: string;
  readonly wanted?: string;
  /** The log that it was imported from; nothing was paid for it here. */
  readonly imported?: ImportedFrom | undefined;
  /** True if its answer was read in another way than the teacher reads now. */
  readonly isReadOtherwise?: boolean;
  /** The most similar kept answer. */
  readonly nearest?: Nearest | undefined;
}

/** The explanation of one of the answers that a combined answer is made of. */
interface PartExplained extends Explained {
  readonly teacher: string;
  readonly sample: number;
}

interface Asked {
  readonly teacher: Teacher;
  readonly query: Query;
  readonly wanted: Detail;
}

async function explain({teacher, query, wanted}: Asked, lookup: TakingLookup): Promise<Explained> {
  const {store} = lookup;
  const digest = digestQuery(query);
  const key = digestKey(teacher.identity, digest);
  const {found, read} = await findKept([query], teacher, wanted, lookup);
  const served = found.get(key);
  if (served) {
    const {detail, imported} = served;
    return {key, isKept: true, held: describeDetail(detail), imported, ...(read.has(key) && {isReadOtherwise: true})};
  }
  const stored = await store.get(key);
  if (!stored) return {key, isKept: false, nearest: await explainMiss(store, teacher.identity, digest)};
  const held = describeDetail(stored.detail);
  if (satisfies(stored.detail, wanted)) return {key, isKept: false, held, isReadOtherwise: true};
  return {key, isKept: false, held, wanted: describeDetail(wanted)};
}

/** @param subject - the query, in words */
function textOf(
  subject: string,
  {key, isKept, held, wanted, imported, isReadOtherwise = false, nearest}: Explained,
): string {
  if (isKept && isReadOtherwise) {
    return `${subject} is kept, read in another way or lost from the cache: ${key}, ${held}. It is read again from its raw reply, free of charge`;
  }
  if (isKept && imported) return `${subject} is kept: ${key}, ${held}, ${originOf(imported)}`;
  if (isKept) return `${subject} is kept: ${key}, ${held}`;
  if (isReadOtherwise) {
    return `${subject} is kept, read in another way: ${key}, ${held}. Its raw reply gives no answer in this way or is not in the journal, so the teacher is asked again`;
  }
  if (held) return `${subject} is kept with ${held}, but ${wanted} is needed: ${key}`;
  const why = nearest
    ? `The nearest is ${nearest.key}: its ${describeDifferences(nearest.differences)}`
    : 'Nothing is kept at all';
  return `${subject} is not kept: ${key}\n${why}`;
}

function originOf({file, line, sha256, date, model}: ImportedFrom): string {
  const told = [model === undefined ? '' : `, by ${model}`, date === undefined ? '' : `, of ${date}`].join('');
  return `imported from ${file}, line ${line} (SHA-256 ${sha256.slice(0, 12)})${told}. It cost nothing here, and its prompt is that of the log`;
}
