import {hardLabels, type LossTerm, sgd, softLabels, stepDecay, type TrainOptions} from 'limbeck';
import {crop, flip, views} from 'limbeck/data';

/** As in RepDistiller's dataset/cifar100.py: mean and deviation of the training images. */
export const preprocessing = {scale: 1 / 255, mean: [0.5071, 0.4867, 0.4408], deviation: [0.2675, 0.2565, 0.2761]};

/** Depths of the networks that the papers pair. */
export const depths = [20, 32, 44, 56, 110] as const;
export type Depth = (typeof depths)[number];

/** Epochs of the papers, and of the short schedule. */
export const EPOCHS = 240;
export const SHORT_EPOCHS = 30;

/** As in RepDistiller's train_teacher.py and train_student.py: the rate drops after 150, 180 and 210 of 240 epochs. */
export const training = {
  seed: 1,
  batchSize: 64,
  optimizer: sgd({learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4}),
  schedule: stepDecay({at: [150 / 240, 180 / 240, 210 / 240]}),
  view: views(crop({padding: 4}), flip()),
} satisfies Partial<TrainOptions>;

/** λ_CE, λ_KL and T of the student's objective. */
export interface Objective {
  readonly ce: number;
  readonly kl: number;
  readonly temperature: number;
}

/** As in RepDistiller's scripts/run_cifar_distill.sh. */
export const objective: Objective = {ce: 0.1, kl: 0.9, temperature: 4};

/** Cross-entropy on true labels, and the divergence from the teacher's softened answers about the same view. */
export function distillation({ce, kl, temperature}: Objective): readonly LossTerm[] {
  return [hardLabels({labels: 'true', weight: ce}), softLabels({temperature, weight: kl})];
}

export interface Accuracies {
  readonly teacher: number;
  readonly student: number;
  readonly distilled: number;
}

/** Test accuracy in percent by depth of teacher and student, from RepDistiller's README. */
export const published: Readonly<Record<string, Accuracies>> = {
  '56-20': {teacher: 72.34, student: 69.06, distilled: 70.66},
  '110-20': {teacher: 74.31, student: 69.06, distilled: 70.67},
  '110-32': {teacher: 74.31, student: 71.14, distilled: 73.08},
};
