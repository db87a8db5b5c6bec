import {hash} from 'node:crypto';
import {appendFileSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {makeFolder} from '../../data/files.ts';
import {AnswerStoreError, InputError} from '../../errors.ts';
import type {Packing, ProbedService} from '../../service-features.ts';
import {identityText} from '../../store/stored-answer.ts';
import type {Teacher} from '../../teacher.ts';
import {shownAgreement} from './changes.ts';

/** Labels of inputs that were asked about packed and alone. */
export interface PackedLabels {
  /** The most inputs in one request. */
  readonly size: number;
  /** Inputs that were answered both ways. */
  readonly compared: number;
  /** Of these, with another label packed than alone. */
  readonly changed: number;
}

/** What a probe found of a teacher's packs. */
interface Verdict extends PackedLabels {
  readonly format: 1;
  /** Of the teacher's identity and the size of its packs. */
  readonly key: string;
  /** Its name, for people. */
  readonly teacher: string;
  /** ISO 8601. */
  readonly at: string;
}

const NAME = 'packing.jsonl';

/** How a teacher packs; undefined if it asks about each input alone. */
export function packingOf(teacher: Pick<Teacher, 'service'>): Packing | undefined {
  const packing = packingHookOf(teacher);
  return packing && packing.size > 1 ? packing : undefined;
}

/** How a teacher packs whose size of packs is not chosen yet; undefined for any other. */
export function openPackingOf(teacher: Pick<Teacher, 'service'>): OpenPacking | undefined {
  const packing = packingHookOf(teacher);
  if (packing?.choices === undefined) return undefined;
  const {choices, agreement = 0} = packing;
  return {...packing, choices, agreement};
}

/** How a teacher packs that leaves the size of packs to a probe. */
export interface OpenPacking extends Packing {
  readonly choices: readonly number[];
  readonly agreement: number;
}

function packingHookOf({service}: Pick<Teacher, 'service'>): Packing | undefined {
  return (service as ProbedService | undefined)?.probe?.packing;
}

/**
 * The largest size of packs with an agreement that is shown, where sizes are tried from the smallest until one fails; 1 if
 * the first fails. A size whose true agreement is less is chosen with probability at most 5 %, however many are tried: to
 * choose one, the smallest such size must pass its own test (fixed-sequence test: Maurer, Hothorn and Lehmacher, 1995).
 *
 * @param tried - from the smallest size
 */
export function largestShown(tried: readonly PackedLabels[], agreement: number): number {
  const failed = tried.findIndex(labels => shownAgreement(labels) < agreement);
  const passed = failed < 0 ? tried : tried.slice(0, failed);
  return passed.at(-1)?.size ?? 1;
}

/** What probes found of packs: a line for each in a file of the journal's folder. The last one about a teacher counts. */
export class PackingVerdicts {
  readonly #folder: string;

  /** @param folder - of the journal */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws AnswerStoreError if it can't be written */
  keep(teacher: Teacher, {size, compared, changed}: PackedLabels): void {
    const verdict: Verdict = {
      ...{format: 1, key: keyOf(teacher, size), teacher: teacher.name},
      ...{size, compared, changed, at: new Date().toISOString()},
    };
    try {
      makeFolder(this.#folder);
      appendFileSync(this.#path, `${JSON.stringify(verdict)}\n`);
    } catch (cause) {
      const {message} = cause as Error;
      throw new AnswerStoreError(`${this.#path} can't be written: ${message}. Check its permissions.`, {cause});
    }
  }

  /** @throws InputError if a teacher demands an agreement of its packs that no probe has shown */
  check(teacher: Teacher): void {
    const {size, agreement} = packingOf(teacher) ?? {};
    if (size === undefined || agreement === undefined) return;
    const wanted = `\`packAgreement: ${agreement}\``;
    const verdict = lastAbout(this.#all(), teacher, size);
    if (verdict === undefined) {
      throw new InputError(
        `Teacher ${teacher.name} asks about ${size} inputs in one request, and no probe has shown ${wanted}. Run \`limbeck ` +
          `probe RECIPE --questions 300\` first, or ask about inputs one by one.`,
      );
    }
    const {compared, changed} = verdict;
    const bound = shownAgreement(verdict);
    if (bound >= agreement) return;
    throw new InputError(
      `Teacher ${teacher.name} may not ask about ${size} inputs in one request: of ${compared} labels ${compared - changed} ` +
        `were the same as alone, which shows an agreement of ${(100 * bound).toFixed(1)} % (with 95 % confidence), and ` +
        `${wanted} demands more. Lower \`pack\`, or probe with more \`--questions\` if few labels changed.`,
    );
  }

  /** The size that the last probes allow, 1 if none; undefined if no probe has tried any. */
  chosen({choices, agreement, at}: OpenPacking): number | undefined {
    const verdicts = this.#all();
    const tried: Verdict[] = [];
    for (const size of choices) {
      const verdict = lastAbout(verdicts, at(size), size);
      if (verdict === undefined) break;
      tried.push(verdict);
    }
    return tried.length === 0 ? undefined : largestShown(tried, agreement);
  }

  get #path(): string {
    return join(this.#folder, NAME);
  }

  #all(): readonly Verdict[] {
    try {
      const lines = readFileSync(this.#path, 'utf8').split('\n').filter(Boolean);
      return lines.flatMap(line => parse(line) ?? []);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new AnswerStoreError(`${this.#path} can't be read: ${(error as Error).message}.`, {cause: error});
    }
  }
}

/** A line that a crash tore is none. */
function parse(line: string): Verdict | undefined {
  try {
    const verdict = JSON.parse(line) as Verdict;
    return verdict.format === 1 ? verdict : undefined;
  } catch {
    return undefined;
  }
}

function lastAbout(verdicts: readonly Verdict[], teacher: Teacher, size: number): Verdict | undefined {
  const key = keyOf(teacher, size);
  return verdicts.findLast(other => other.key === key);
}

function keyOf({identity}: Teacher, size: number): string {
  return hash('sha256', `${identityText(identity)} ${size}`);
}
