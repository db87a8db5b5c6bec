import type {ImportCounts, Refusal, Refused} from '../../ask/import/counts.ts';
import {InputError} from '../../errors.ts';
import {describeDetail} from '../../knowledge/coarsen.ts';
import {count, counted} from '../../study/report/format.ts';
import type {Access, Detail, Teacher} from '../../teacher.ts';
import type {CoverageRow} from './imported-teacher.ts';

/** What an import did. */
export interface ImportReport {
  readonly counts: ImportCounts;
  readonly teacher: Teacher;
  readonly level: Access;
  /** The least that the level's methods need. */
  readonly wanted: Detail;
  readonly cache: string;
  readonly files: readonly string[];
  readonly coverage: readonly CoverageRow[];
  readonly dryRun: boolean;
}

/** The report for programs. */
export function importDocument({counts, teacher, level, cache, files, coverage, dryRun}: ImportReport): object {
  const {records, imported, replaced, kept, repeated, conflicting, conflicts, ownPrompts} = counts;
  return {
    ...{cache, files, teacher: teacher.name, level, dryRun, records, imported, replaced, kept, repeated, conflicting},
    refused: Object.fromEntries(Array.from(counts.refused.values(), ({reason, ...refused}) => [reason, refused])),
    ...{conflicts, ownPrompts, coverage},
    unknownLabels: Object.fromEntries(counts.unknownLabels),
    models: Object.fromEntries(counts.models),
    found: Object.fromEntries(counts.mappings),
  };
}

/** The report for people. Its counts add up to the records. */
export function importText(report: ImportReport): string {
  const {counts, teacher, level, cache, dryRun} = report;
  const {records, imported, replaced, kept, repeated, conflicting} = counts;
  const replacing = replaced === 0 ? '' : `, of which ${count(replaced)} replace a kept answer`;
  const rows: readonly Row[] = [
    [imported, `${dryRun ? 'would be imported' : `imported into ${cache}`}${replacing}`],
    [kept, 'kept before, and left as they are: `--replace` replaces them'],
    [repeated, 'about a text that came before, with the same label'],
    [conflicting, `about a text that came before, with another label: ${conflictsText(report)}`],
    ...Array.from(counts.refused.values(), (refused): Row => [refused.count, refusalText(refused, report)]),
  ];
  const shown = rows.filter(([some], index) => index === 0 || some > 0);
  return [
    `${counted(records, 'record')}, for ${teacher.name} (${level})`,
    ...shown.map(([some, what]) => `${count(some).padStart(11)}  ${what}`),
    ...mappingLines(counts),
    ...modelLines(report),
    ...promptLines(report),
    ...coverageLines(report),
  ].join('\n');
}

type Row = readonly [count: number, what: string];

function conflictsText({counts: {conflicts}}: ImportReport): string {
  const told = conflicts.map(({lines, labels}) => `lines ${lines.join(' and ')} (${labels.join(', ')})`).join('; ');
  return `${told}. The first counts, or with \`--last\` the last`;
}

const REASONS: Readonly<Record<Refusal, string>> = {
  notJson: 'are no JSON objects',
  failed: 'are requests that failed',
  noText:
    'hold no text: name its field with `--text`, the prompt around it with `--prompt`, or the requests with `--batch-input`',
  unknownLabel: 'have a label outside the class list',
  tooLittle: 'hold too little detail for this level',
  unreadable: 'can’t be read',
};

function refusalText({reason, first, why}: Refused, {counts, wanted}: ImportReport): string {
  if (reason === 'unknownLabel') {
    return `${REASONS[reason]}; \`aliases\` of the teacher map them: ${listed(counts.unknownLabels)}`;
  }
  if (reason === 'tooLittle') {
    return `${REASONS[reason]}, which needs ${describeDetail(wanted)}: the first is ${first}, with ${why}`;
  }
  return `${REASONS[reason]}: the first is ${first}${why === undefined ? '' : ` (${why.replace(/\.$/, '')})`}`;
}

/** How many labels, models and mappings are listed. */
const LISTED = 20;

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  const more = sorted.length > LISTED ? `, and ${count(sorted.length - LISTED)} others` : '';
  const shown = sorted.slice(0, LISTED).map(([name, some]) => `${JSON.stringify(name)} ${count(some)}`);
  return `${shown.join(', ')}${more}`;
}

function mappingLines({mappings}: ImportCounts): readonly string[] {
  return Array.from(mappings, ([mapping, some]) => `Found in ${counted(some, 'record')}: ${mapping}.`);
}

function modelLines({counts: {models}, teacher: {identity}}: ImportReport): readonly string[] {
  if (models.size === 0) return [];
  const request = identity['request'] as {readonly model?: unknown} | undefined;
  const asked = typeof request?.model === 'string' ? request.model : undefined;
  // A dated version begins with the name of its model.
  const isOther =
    asked !== undefined && [...models.keys()].some(name => !name.includes(asked) && !asked.includes(name));
  const line = `The log names the models ${listed(models)}.`;
  return [isOther ? `${line} The teacher asks \`${asked}\`: check that these answers are to count as its own.` : line];
}

function promptLines({counts: {imported, kept, ownPrompts}}: ImportReport): readonly string[] {
  const others = imported + kept - ownPrompts;
  if (imported + kept === 0) return [];
  if (others <= 0) return ['Every request has the teacher’s own prompt and model.'];
  const own = ownPrompts === 0 ? '' : `${count(ownPrompts)} requests have the teacher’s own prompt and model. `;
  return [
    `${own}The prompt of ${counted(others, 'answer')} is not verified: ${others === 1 ? 'it counts' : 'they count'} as if the ` +
      'teacher had been asked in the recipe’s words.',
  ];
}

function coverageLines({coverage, counts: {imported, kept}}: ImportReport): readonly string[] {
  if (imported + kept === 0) return [];
  const covered = coverage.map(
    ({about, inputs, answered}) => `${count(answered)} of ${counted(inputs, 'input')} of the ${about}`,
  );
  const line = `They answer ${covered.join(' and ')}.`;
  if (coverage.some(({answered}) => answered > 0)) return [line];
  return [
    `${line} Compare a text of the recipe with one of the log, character by character: the text may be in another field ` +
      '(`--text`), or within a prompt (`--prompt`).',
  ];
}

/** @throws InputError if nothing of the logs is kept */
export function checkImported({counts: {records, imported, kept}, files}: ImportReport): void {
  if (imported + kept > 0) return;
  throw new InputError(
    `Nothing is imported of ${counted(records, 'record')} in ${files.join(', ')}; the reasons are above.`,
  );
}
