/** The labels of a series, by name. */
export type Labels = Readonly<Record<string, string>>;

/** A value that is read at each scrape. A series whose value is still undefined is left out. */
export type Reading = number | undefined;

interface Family {
  readonly head: string;
  lines(): readonly string[];
}

/**
 * Metrics in Prometheus's text format (0.0.4), which OpenMetrics scrapers read as well. A series appears when it first
 * has a value.
 */
export class Exposition {
  readonly #families: Family[] = [];

  /** A counter. Its name ends in `_total`. */
  counter(name: string, help: string): (labels: Labels, amount?: number) => void {
    const totals = new Map<string, number>();
    this.#add(name, help, 'counter', () => Array.from(totals, ([labels, total]) => `${name}${labels} ${total}`));
    return (labels, amount = 1) => {
      const key = shown(labels);
      totals.set(key, (totals.get(key) ?? 0) + amount);
    };
  }

  /** A counter that is kept elsewhere, or a gauge. */
  reading(
    kind: 'counter' | 'gauge',
    name: string,
    help: string,
    read: () => readonly (readonly [Labels, Reading])[],
  ): void {
    this.#add(name, help, kind, () =>
      read().flatMap(([labels, value]) => (value === undefined ? [] : [`${name}${shown(labels)} ${value}`])),
    );
  }

  /**
   * A histogram.
   *
   * @param bounds - upper bounds of the buckets, in ascending order
   */
  histogram(name: string, help: string, bounds: readonly number[]): (labels: Labels, value: number) => void {
    const series = new Map<string, {readonly labels: Labels; readonly counts: number[]; sum: number; count: number}>();
    this.#add(name, help, 'histogram', () =>
      [...series.values()].flatMap(({labels, counts, sum, count}) => [
        ...bounds.map((bound, index) => `${name}_bucket${shown({...labels, le: String(bound)})} ${counts[index]}`),
        `${name}_bucket${shown({...labels, le: '+Inf'})} ${count}`,
        `${name}_sum${shown(labels)} ${sum}`,
        `${name}_count${shown(labels)} ${count}`,
      ]),
    );
    return (labels, value) => {
      const key = shown(labels);
      const one = series.get(key) ?? {labels, counts: bounds.map(() => 0), sum: 0, count: 0};
      series.set(key, one);
      for (const [index, bound] of bounds.entries()) if (value <= bound) one.counts[index]! += 1;
      one.sum += value;
      one.count++;
    };
  }

  text(): string {
    return this.#families.map(family => [family.head, ...family.lines(), ''].join('\n')).join('');
  }

  #add(name: string, help: string, type: string, lines: Family['lines']): void {
    this.#families.push({head: `# HELP ${name} ${help}\n# TYPE ${name} ${type}`, lines});
  }
}

/** Content type of the text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function shown(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, sign => (sign === '\n' ? '\\n' : `\\${sign}`));
}
