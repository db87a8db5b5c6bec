import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Access, Teacher} from '../../teacher.ts';
import {withLeaves} from '../compose/parts.ts';
import {type OnNote, onceEach, warn} from '../notes.ts';
import {openPackingOf, PackingVerdicts} from './packing-verdicts.ts';

export interface PackChooserOptions {
  /** The folder of the journal, in which `limbeck probe` keeps what it found of packs. */
  readonly journal: string;
  /**
   * Told once of each teacher how it asks, and what to do if no probe has tried its packs.
   *
   * @default a warning of Node.js
   */
  readonly onNote?: OnNote | undefined;
}

const KINDS = {journal: kinds.text, onNote: kinds.call} satisfies Shape<PackChooserOptions>;

/**
 * Returns a function that gives a teacher with `pack: 'auto'`, or one that is composed of such, the size of packs that the
 * last probe allows. If no probe has tried its packs, it asks about inputs one by one. Any other teacher stays as it is.
 */
export function packChooser(options: PackChooserOptions): <A extends Access>(teacher: Teacher<A>) => Teacher<A> {
  checkOptions('packChooser', options, KINDS, ['journal']);
  const verdicts = new PackingVerdicts(options.journal);
  const onNote = onceEach(options.onNote ?? warn);
  const made = new Map<Teacher, Teacher>();
  const chosen = <A extends Access>(teacher: Teacher<A>): Teacher<A> => {
    const packing = openPackingOf(teacher);
    if (packing === undefined) return teacher;
    const size = verdicts.chosen(packing);
    onNote(`Teacher ${teacher.name} ${noteOn(size)}`);
    const known = made.get(teacher) ?? packing.at(size ?? 1);
    made.set(teacher, known);
    return known as Teacher<A>;
  };
  return teacher => withLeaves(teacher, chosen);
}

function noteOn(size: number | undefined): string {
  if (size === undefined) {
    return (
      "asks about inputs one by one: no probe has tried its packs (`pack: 'auto'`). Run `limbeck probe RECIPE " +
      '--questions 300` to find the size that keeps its answers.'
    );
  }
  if (size === 1) return 'asks about inputs one by one: the last probe allows no packs.';
  return `asks about up to ${size} inputs in one request, as the last probe allows.`;
}
