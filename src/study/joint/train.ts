import type {Question} from '../../question.ts';
import type {Prepared} from '../compare.ts';
import type {Executed} from '../execute.ts';
import {measure, type PartRun, type Run} from '../measure.ts';
import {type MethodJob, type TrainedRun, trainAll} from '../train-methods.ts';
import {failureOf} from '../training.ts';
import {keptJointly} from './execute.ts';
import {type JointJob, type JointPart, type JointTeaching, teachingOf} from './teaching.ts';

/** What came of a run for one question. */
export type Trained = TrainedRun<Run | PartRun>;

/**
 * Trains every method at every budget from every seed, each student for all questions at once.
 *
 * @param prepared - the studies of the questions
 * @param directory - the folder of the whole study
 * @returns the runs of each question, in the order that `trainAll` gives
 */
export async function trainJointly(
  prepared: readonly Prepared[],
  questions: readonly Question[],
  directory: string,
): Promise<readonly (readonly Trained[])[]> {
  const [{study, methods}] = prepared as readonly [Prepared];
  const ownJob = (job: MethodJob, one: Prepared): MethodJob => ({
    ...job,
    method: one.methods[methods.indexOf(job.method)]!,
  });
  const teachings = new Map<string, Promise<JointTeaching>>();
  const jointJob = async (job: MethodJob): Promise<JointJob> => {
    const key = `${job.method.index} ${job.budget}`;
    const parts = prepared.map(
      (one, at): JointPart => ({question: questions[at]!, study: one.study, method: ownJob(job, one).method}),
    );
    const teaching = teachings.get(key) ?? teachingOf(parts, job.budget);
    teachings.set(key, teaching);
    return {directory, teaching: await teaching, seed: job.seed};
  };
  const trained = await trainAll<readonly Executed[], readonly (Run | PartRun)[]>({...study, directory}, methods, {
    async kept(job) {
      // That nothing can be learned is told when the student is trained.
      const joint = await jointJob(job).catch(failureOf(study.signal));
      return 'failure' in joint ? undefined : keptJointly(joint);
    },
    run: async (runner, job, listeners) => runner.runJointly(await jointJob(job), listeners),
    profileOf: ([first]) => first!.profile,
    measure: (job, executed) =>
      prepared.map((one, at) => measure(ownJob(job, one), executed[at]!, one.reference, one.study.recipe.data)),
  });
  return prepared.map((one, at) =>
    trained.map(({job, outcome}) => ({
      job: ownJob(job, one),
      outcome: 'failure' in outcome ? outcome : outcome[at]!,
    })),
  );
}
