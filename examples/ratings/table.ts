import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {predicate, type Question, score} from 'limbeck/ask';
import Papa from 'papaparse';
import type {Answered, Part} from '../question-service.ts';

const cuts = ['Fair', 'Good', 'Very Good', 'Premium', 'Ideal'];
/** From the most inclusions to none. */
const clarities = ['I1', 'SI2', 'SI1', 'VS2', 'VS1', 'VVS2', 'VVS1', 'IF'];

/** The questions about a diamond. */
export const questions: readonly Question[] = [
  score('cut', 'How well is the diamond cut?', cuts),
  predicate('expensive', 'Does it cost more than 5,000 dollars?'),
  predicate('clear', 'Has it at most very slight inclusions?'),
];

interface Row {
  readonly carat: number;
  readonly cut: string;
  readonly color: string;
  readonly clarity: string;
  readonly depth: number;
  readonly table: number;
  readonly price: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** The numbers of rows: the teacher learns from rows that nobody else sees. */
const COUNTS = {teacher: 20_000, train: 2000, validation: 500, test: 4000} as const;

let parts: Promise<Readonly<Record<Part, Answered>>> | undefined;

/** The rows of a part, always the same. */
export async function diamonds(part: Part): Promise<Answered> {
  parts ??= readParts();
  return (await parts)[part];
}

async function readParts(): Promise<Readonly<Record<Part, Answered>>> {
  const path = createRequire(import.meta.url).resolve('@observablehq/sample-datasets/diamonds.csv');
  const options = {header: true, dynamicTyping: true, skipEmptyLines: true} as const;
  const rows = shuffled(Papa.parse<Row>(await readFile(path, 'utf8'), options).data);
  let start = 0;
  const entries = Object.entries(COUNTS).map(([part, count]) => {
    start += count;
    return [part, diamondsOf(rows.slice(start - count, start))];
  });
  return Object.fromEntries(entries) as Readonly<Record<Part, Answered>>;
}

function diamondsOf(rows: readonly Row[]): Answered {
  const records = rows.map(({carat, color, depth, table, x, y, z}) => ({carat, color, depth, table, x, y, z}));
  return {
    inputs: {kind: 'record', count: records.length, records},
    labels: [
      Int32Array.from(rows, ({cut}) => cuts.indexOf(cut)),
      Int32Array.from(rows, ({price}) => (price > 5000 ? 1 : 0)),
      Int32Array.from(rows, ({clarity}) => (clarities.indexOf(clarity) >= clarities.indexOf('VS2') ? 1 : 0)),
    ],
  };
}

/** The table is sorted by price. Fisher and Yates, by a linear congruential generator (Numerical Recipes). */
function shuffled(rows: readonly Row[]): readonly Row[] {
  const all = [...rows];
  let state = 1;
  for (let last = all.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [all[last], all[other]] = [all[other]!, all[last]!];
  }
  return all;
}
