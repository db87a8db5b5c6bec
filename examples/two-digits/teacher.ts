import {lenet} from 'limbeck';
import type {QuestionService} from '../question-service.ts';
import {questions, size, twoDigits} from './images.ts';

/** A convolutional network behind a service that takes PNG files. */
export const service: QuestionService = {
  name: 'two-digits',
  port: 47_913,
  questions,
  examples: twoDigits,
  build: lenet({filters: [16, 32], units: 128}),
  epochs: 6,
  images: size,
};
