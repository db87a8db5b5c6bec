import type {AllMeasured} from './figures.ts';

/** Made-up figures that support every claim. */
export const sample: AllMeasured = {
  omittedDigit: {
    runs: {hardRecall: [0.2, 0.3, 0.1], softRecall: [0.8, 0.7, 0.9], biasedRecall: [0.95, 0.96, 0.97]},
    settings: {},
    note: 'as made up',
  },
  sevensAndEights: {
    runs: {hardErrors: [7500, 7510, 7520], softErrors: [2600, 2700, 2800], biasedErrors: [800, 900, 1000]},
    settings: {},
    note: 'as made up',
  },
  fewShot: {
    runs: {alone: [0.91, 0.92, 0.9], distilled: [0.92, 0.93, 0.91]},
    settings: {temperature: 4},
    note: 'as made up',
  },
  mixup: {runs: {labels: [0.91, 0.92, 0.9], mixup: [0.93, 0.94, 0.92]}, settings: {}, note: 'as made up'},
  votes: {runs: {labels: [0.91, 0.92, 0.9], votes: [0.93, 0.94, 0.92]}, settings: {}, note: 'as made up'},
  outOfDomain: {runs: {labels: [0.4, 0.42, 0.44], logProbs: [0.5, 0.52, 0.54]}, settings: {}, note: 'as made up'},
};
