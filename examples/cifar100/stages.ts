import {
  asTeacher,
  hardLabels,
  type Knowledge,
  type LossTerm,
  type Student,
  type StudentBuilder,
  type Task,
  type TrainOptions,
} from 'limbeck';
import {distillation, type Objective, training} from './settings.ts';

/** The networks that are trained, one after the other. */
export const stageNames = ['teacher', 'student', 'distilled'] as const;
export type StageName = (typeof stageNames)[number];

export interface Setup {
  readonly task: Task;
  readonly networks: {readonly teacher: StudentBuilder; readonly student: StudentBuilder};
  readonly objective: Objective;
  /** The training images with their true labels. */
  readonly knowledge: Knowledge;
}

/** One network before its first step, with its way of learning. */
export interface Stage {
  readonly network: Student;
  readonly options: Omit<TrainOptions, 'epochs'>;
}

/** @param teacher - needed by the stage that learns from one */
export function stageOf(name: StageName, {task, networks, objective}: Setup, teacher?: Student): Stage {
  const build = name === 'teacher' ? networks.teacher : networks.student;
  const losses: readonly LossTerm[] = teacher ? distillation(objective) : [hardLabels()];
  return {
    network: build(task, training.seed),
    options: {...training, losses, ...(teacher && {teacher: asTeacher(teacher)})},
  };
}
