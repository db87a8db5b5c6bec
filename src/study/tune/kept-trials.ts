import {mkdir, readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {z} from 'zod';
import {replaceFile} from '../../data/files.ts';
import type {PlannedMethod} from '../../recipe/methods.ts';
import type {Setting} from '../../recipe/settings.ts';
import {digestOf, fingerprintOf} from '../../train/fingerprint.ts';
import {taught} from '../divide.ts';
import type {Trial} from '../method-choices.ts';
import type {AnsweredMethod} from '../methods.ts';
import type {Study} from '../study.ts';

const FORMAT = 'limbeck.trials/1';

const trialSchema: z.ZodType<Trial> = z.object({
  setting: z.int().nonnegative(),
  epochs: z.int().positive(),
  score: z.number().nullable(),
  curve: z.array(
    z.object({
      epoch: z.int(),
      step: z.int(),
      loss: z.number(),
      validationAccuracy: z.number().nullable(),
    }),
  ),
  failure: z.string().exactOptional(),
});
const fileSchema = z.object({format: z.literal(FORMAT), fingerprint: z.string(), trials: z.array(trialSchema)});

/** The trials of a method, on disk, so that a study which goes on does not make them again. */
export class KeptTrials {
  readonly #path: string;
  readonly #fingerprint: string;
  readonly #trials: Trial[];
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, fingerprint: string, trials: readonly Trial[]) {
    this.#path = path;
    this.#fingerprint = fingerprint;
    this.#trials = [...trials];
  }

  /** Those that were made with the same data, settings and engine; a file of others is replaced. */
  static async open(path: string, fingerprint: string): Promise<KeptTrials> {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    const kept = text === undefined ? undefined : fileSchema.safeParse(parsed(text)).data;
    return new KeptTrials(path, fingerprint, kept?.fingerprint === fingerprint ? kept.trials : []);
  }

  get(setting: number, epochs: number): Trial | undefined {
    return this.#trials.find(trial => trial.setting === setting && trial.epochs === epochs);
  }

  /** @throws KnowledgeError if it can't be written */
  async keep(trial: Trial): Promise<void> {
    this.#trials.push(trial);
    const text = JSON.stringify({format: FORMAT, fingerprint: this.#fingerprint, trials: this.#trials});
    // One after another: the last one written is to hold all.
    this.#writing = this.#writing.then(async () => {
      await mkdir(dirname(this.#path), {recursive: true});
      await replaceFile(this.#path, file => file.writeFile(text));
    });
    await this.#writing;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The file of a method's trials. */
export function trialsPath(directory: string, {folder}: Pick<PlannedMethod, 'folder'>): string {
  return join(directory, 'tuning', `${folder}.json`);
}

/** All that decides what trials come to. */
export async function fingerprintOfTrials(
  {recipe, trainer}: Study,
  method: AnsweredMethod,
  settings: readonly Setting[],
): Promise<string> {
  const {seeds, folds} = recipe;
  const {knowledge} = taught(method);
  const student = trainer.fresh(seeds[0]!);
  const run = await trainer.start(student, {...method, knowledge}, seeds[0]!);
  try {
    const start = run.weights.map(weight => weight.dataSync());
    return digestOf({run: await fingerprintOf(student, knowledge, run), start, settings, folds});
  } finally {
    run.dispose();
    student.model.dispose();
  }
}
