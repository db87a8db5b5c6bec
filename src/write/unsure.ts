import type {WrittenLine} from '../data/texts/written.ts';
import type {Unsure} from './prompt.ts';

/** How sure a student is of a text. */
export interface Margin {
  /** The probability of its first class less that of its second, from 0 to 1. */
  readonly margin: number;
  readonly first: number;
  readonly second: number;
}

/** Texts of a class that are shown as examples of what is hard, at most. */
const SHOWN = 20;

/**
 * The margins of a student.
 *
 * @param logits - [texts, classes]
 */
export function marginsOf(logits: Float32Array, classes: number): readonly Margin[] {
  return Array.from({length: logits.length / classes}, (_, row) =>
    marginOf(logits.subarray(row * classes, (row + 1) * classes)),
  );
}

function marginOf(logits: Float32Array): Margin {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const [first, second] = order as [number, number];
  const mass = logits.reduce((sum, logit) => sum + Math.exp(logit - logits[first]!), 0);
  return {margin: (1 - Math.exp(logits[second]! - logits[first]!)) / mass, first, second};
}

/**
 * By class, the texts of the smallest margins between it and another class, and those classes.
 *
 * @param texts - real and written ones
 * @param margins - of these texts
 */
export function unsureByClass(
  texts: readonly string[],
  margins: readonly Margin[],
  classes: number,
): readonly Unsure[] {
  const order = Array.from(texts.keys()).sort((a, b) => margins[a]!.margin - margins[b]!.margin || a - b);
  return Array.from({length: classes}, (_, label): Unsure => {
    const own = order.filter(row => margins[row]!.first === label || margins[row]!.second === label).slice(0, SHOWN);
    const counts = new Map<number, number>();
    for (const row of own) {
      const {first, second} = margins[row]!;
      const other = first === label ? second : first;
      counts.set(other, (counts.get(other) ?? 0) + 1);
    }
    const others = [...counts].sort(([a, one], [b, two]) => two - one || a - b).map(([other]) => other);
    return {texts: own.map(row => texts[row]!), others};
  });
}

/**
 * Of each class, the lines of the smallest margins, in their order.
 *
 * @param margins - of these lines
 * @param counts - by the name of a class, how many are kept
 */
export function leastSure(
  lines: readonly WrittenLine[],
  margins: readonly Margin[],
  counts: ReadonlyMap<string, number>,
): readonly WrittenLine[] {
  const left = new Map(counts);
  const kept = new Set<number>();
  for (const row of Array.from(lines.keys()).sort((a, b) => margins[a]!.margin - margins[b]!.margin || a - b)) {
    const {label} = lines[row]!;
    const room = left.get(label) ?? 0;
    if (room === 0) continue;
    left.set(label, room - 1);
    kept.add(row);
  }
  return lines.filter((_, row) => kept.has(row));
}
