import type {Json} from '../teacher.ts';
import {digestOf} from '../train/digest.ts';
import {fingerprintOf} from '../train/fingerprint.ts';
import {divide} from './divide.ts';
import {type AnsweredMethod, atBudget} from './methods.ts';
import type {Study} from './study.ts';
import {trainingThreads} from './workers.ts';

/** Makes the keys of a study's runs. A key stands for all that decides what a run comes to. */
export class RunKeys {
  readonly #study: Study;
  /** The test split, which students answer. */
  readonly #test: string;

  constructor(study: Study) {
    this.#study = study;
    this.#test = digestOf(study.recipe.data.test.inputs);
  }

  /** The key of one run: a digest. */
  async of(planned: AnsweredMethod, budget: number | undefined, seed: number): Promise<string> {
    const method = atBudget(planned, budget);
    const {recipe, trainer} = this.#study;
    const {students, folds, calibration} = recipe;
    const {training, calibrationInputs, unanswered} = divide(recipe, method, method.knowledge);
    const runs: Json[] = [];
    for (const build of students) {
      const student = trainer.fresh(build, seed);
      const run = await trainer.start(student, {...method, knowledge: training}, seed);
      try {
        const start = digestOf(run.weights.map(weight => weight.dataSync()));
        runs.push({...(await fingerprintOf(student, training, run)), start});
      } finally {
        run.dispose();
        student.model.dispose();
      }
    }
    const threads = trainingThreads(this.#study);
    return digestOf({
      runs,
      threads,
      folds,
      calibration: calibration ?? null,
      calibrationInputs,
      unanswered,
      test: this.#test,
    });
  }
}
