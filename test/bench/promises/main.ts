/** Checks that limbeck keeps its promises: `npm run bench:promises`. See ../README.md. */
import {writeFile} from 'node:fs/promises';
import {Command, InvalidArgumentError, Option} from 'commander';
import {auditText, measureAudit} from './audit.ts';
import {budgetText, measureBudgets} from './budget-verdicts.ts';
import {cascadePromises, cascadeText, isKept} from './cascade.ts';
import {gateText, measureGate} from './gate.ts';
import {measureVectors, vectorText} from './vectors.ts';
import {verdictRows, verdictTable} from './verdicts.ts';

const PARTS = ['cascade', 'verdicts', 'budgets', 'audit', 'gate', 'vectors'] as const;
type Part = (typeof PARTS)[number];

interface Settings {
  readonly only: readonly Part[];
  readonly draws: number;
  readonly json?: string;
}

const settings = new Command('bench:promises')
  .description(
    'Counts how often the guarantee of a cascade, the verdicts of a study, the audit of a service and the intervals of vectors are wrong.',
  )
  .addOption(new Option('--only <part...>', 'only these parts').choices(PARTS).default(PARTS, 'all'))
  .option('--draws <count>', 'draws of each task of the cascade', wholeNumber, 200)
  .option('--json <file>', 'also writes the figures to a file')
  .allowExcessArguments(false)
  .parse()
  .opts<Settings>();

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return value;
}

/** Runs a part if it is wanted, and prints its figures. */
async function measured<T>(part: Part, measure: () => T | Promise<T>, text: (figures: T) => string) {
  if (!settings.only.includes(part)) return undefined;
  const started = performance.now();
  const figures = await measure();
  console.log(`\n${part} (${((performance.now() - started) / 1000).toFixed(0)} s)\n${text(figures)}`);
  return figures;
}

const cascade = await measured('cascade', () => cascadePromises({draws: settings.draws}), cascadeText);
const verdicts = await measured('verdicts', () => verdictRows(), verdictTable);
const budgets = await measured('budgets', () => measureBudgets(), budgetText);
const audit = await measured('audit', measureAudit, auditText);
const gate = await measured('gate', measureGate, gateText);
const vectors = await measured('vectors', () => measureVectors(), vectorText);
if (settings.json !== undefined) {
  await writeFile(
    settings.json,
    `${JSON.stringify({cascade, verdicts, budgets, audit, gate, vectors}, undefined, 2)}\n`,
  );
}
if (cascade?.every(isKept) === false) {
  console.error('A cascade missed its target more often than by chance.');
  process.exitCode = 1;
}
