import Table from 'cli-table3';

/** Who trains. */
export const PEERS = ['eager', 'limbeck', 'pytorch', 'keras', 'keras-jit'] as const;

export type PeerName = (typeof PEERS)[number];

/** Milliseconds a step in each round; the same round of all peers ran one right after the other. */
export interface Measurement {
  readonly model: string;
  readonly who: PeerName;
  readonly batch: number;
  readonly rounds: readonly number[];
}

/** The entry of one peer and one model in the JSON. */
export interface Row {
  readonly model: string;
  readonly who: PeerName;
  readonly batch: number;
  /** Median over the rounds. */
  readonly msPerStep: number;
  /** The fastest and the slowest round. */
  readonly spread: readonly [fastest: number, slowest: number];
  /** How many times longer than Limbeck it takes: the median of the ratios round by round. */
  readonly timesLimbeck: number;
}

/** Rows of one model. All of its measurements have the same number of rounds. */
export function rowsOf(measurements: readonly Measurement[]): Row[] {
  const limbeck = measurements.find(({who}) => who === 'limbeck')!;
  return measurements.map(({rounds, ...rest}) => ({
    ...rest,
    msPerStep: median(rounds),
    spread: [Math.min(...rounds), Math.max(...rounds)],
    timesLimbeck: median(rounds.map((ms, round) => ms / limbeck.rounds[round]!)),
  }));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** The rows for people. */
export function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['model', 'who', 'ms a step', 'fastest to slowest round', 'times Limbeck'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    style: {head: [], border: []},
  });
  for (const {model, who, msPerStep, spread, timesLimbeck} of rows) {
    const [fastest, slowest] = spread;
    table.push([
      model,
      who,
      msPerStep.toFixed(2),
      `${fastest.toFixed(2)} to ${slowest.toFixed(2)}`,
      timesLimbeck.toFixed(2),
    ]);
  }
  return table.toString();
}
