/** Students of 2,000 images of MNIST: from true labels, distilled, and with more queries to a teacher of labels. */
import {
  asTeacher,
  collect,
  type Dataset,
  drawExamples,
  hardLabels,
  type Knowledge,
  type LossTerm,
  type Split,
  type Student,
  softLabels,
  type Teacher,
  transferSet,
  trueLabels,
  voteLabels,
} from 'limbeck';
import {degrade, repeat} from 'limbeck/ask';
import {mixUp, noise, versionsOf} from 'limbeck/data';
import {type Measured, percentOf} from './figures.ts';
import {choose, type Learned, learn, onEverySeed, testAccuracies} from './lab.ts';

const IMAGES = 2000;
/** The same for all, so that all compared students learn in the same number of steps. */
const LESSON = {units: [64], steps: 2000, batchSize: 64};
const TEMPERATURES = [1, 2, 4, 8, 20];
const MIXTURES = 12;
const VOTES = 32;
/** Standard deviations of the noise, in pixels' values from 0 to 255. */
const DEVIATIONS = [15, 25, 40];

/** Distilled from logits on the images whose true labels the baseline has. */
export async function fewShot(teacher: Student, data: Dataset): Promise<Measured<'fewShot'>> {
  const known = await onEverySeed(seed => collect(asTeacher(teacher), transferSet(drawn(data, seed))));
  const alone = await onEverySeed(seed =>
    learnFrom(trueLabels(drawn(data, seed), data.classes), [hardLabels()], {seed, data}),
  );
  const {chosen, accuracies, validation} = await choose(TEMPERATURES, (temperature, seed, index) =>
    learnFrom(known[index]!, [softLabels({temperature})], {seed, data}),
  );
  return {
    runs: {alone: testAccuracies(alone), distilled: accuracies},
    settings: {images: IMAGES, temperature: chosen, validation, ...LESSON},
    note: `Few-shot: ${IMAGES} images; by validation T = ${chosen}.`,
  };
}

/** From the teacher's labels of the images, seed by seed: the baseline for more queries. */
export async function labelsOnly(teacher: Student, data: Dataset, smoothing = 0): Promise<readonly number[]> {
  const learned = await onEverySeed(async seed => {
    const knowledge = await collect(labeller(teacher), transferSet(drawn(data, seed)));
    return learnFrom(knowledge, [hardLabels({smoothing})], {seed, data});
  });
  return testAccuracies(learned);
}

/** The teacher also labels mixtures of the images. */
export async function mixup(teacher: Student, data: Dataset, labels: readonly number[]): Promise<Measured<'mixup'>> {
  const learned = await onEverySeed(async seed => {
    const {inputs} = versionsOf(drawn(data, seed).inputs, {view: mixUp(), count: MIXTURES});
    const knowledge = await collect(labeller(teacher), {role: 'transfer', inputs});
    return learnFrom(knowledge, [hardLabels()], {seed, data});
  });
  return {
    runs: {labels, mixup: testAccuracies(learned)},
    settings: {images: IMAGES, queries: IMAGES * (1 + MIXTURES), ...LESSON},
    note: `Mix-up: ${IMAGES * (1 + MIXTURES)} queries about ${IMAGES} images.`,
  };
}

/**
 * The teacher labels each image and noisy versions of it, and the student learns from the votes. `voteLabels` adds half
 * a vote to each class, which itself smooths labels. The settings have the gain of this smoothing without more queries.
 */
export async function votes(teacher: Student, data: Dataset, labels: readonly number[]): Promise<Measured<'votes'>> {
  const {chosen, accuracies, validation} = await choose(DEVIATIONS, async (deviation, seed) => {
    const voting = repeat(labeller(teacher), {samples: VOTES, view: noise({deviation})});
    const knowledge = await collect(voting, transferSet(drawn(data, seed)));
    return learnFrom(knowledge, [voteLabels()], {seed, data});
  });
  const added = 0.5 * data.classes.length;
  const smoothed = await labelsOnly(teacher, data, added / (VOTES + added));
  return {
    runs: {labels, votes: accuracies},
    settings: {images: IMAGES, queries: IMAGES * VOTES, deviation: chosen, validation, smoothed, ...LESSON},
    note:
      `Votes: ${IMAGES * VOTES} queries about ${IMAGES} images; by validation noise of ${chosen} of 255. ` +
      `Labels smoothed as much, with no more queries: ${percentOf(smoothed)}.`,
  };
}

/** The teacher reduced to labels. */
function labeller(teacher: Student): Teacher<'black-box'> {
  return degrade(asTeacher(teacher), {access: 'black-box', detail: {kind: 'label'}});
}

function drawn({train}: Dataset, seed: number): Split<'train'> {
  return drawExamples(train, {size: IMAGES, seed});
}

function learnFrom(
  knowledge: Knowledge,
  losses: readonly LossTerm[],
  {seed, data}: {readonly seed: number; readonly data: Dataset},
): Promise<Learned> {
  return learn(knowledge, {...LESSON, losses, seed}, data);
}
