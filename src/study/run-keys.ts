import type {Json} from '../teacher.ts';
import {digestOf, fingerprintOf} from '../train/fingerprint.ts';
import {divide} from './divide.ts';
import type {AnsweredMethod} from './methods.ts';
import type {Study} from './study.ts';
import {trainingThreads} from './training.ts';

/** The key of a run, which stands for all that decides what the run comes to: a digest, the same in every process. */
export async function keyOfRun(study: Study, method: AnsweredMethod, seed: number): Promise<string> {
  const {recipe, trainer, engine} = study;
  const {students, folds, calibration, data} = recipe;
  const {training, calibrationInputs, unanswered} = divide(recipe, method, method.knowledge);
  const runs: Json[] = [];
  for (const build of students) {
    const student = trainer.fresh(seed, build);
    const run = await trainer.start(student, {...method, knowledge: training}, seed);
    try {
      const start = digestOf(run.weights.map(weight => weight.dataSync()));
      // A worker has other threads than this process, and the students are trained with those of the study.
      runs.push({...(await fingerprintOf(student, training, run)), engine: `${engine.name} ${engine.version}`, start});
    } finally {
      run.dispose();
      student.model.dispose();
    }
  }
  return digestOf({
    runs,
    threads: trainingThreads(study),
    folds,
    calibration: calibration ?? null,
    calibrationInputs,
    unanswered,
    test: digestOf(data.test.inputs),
  });
}
