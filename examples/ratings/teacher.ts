import {mlp} from 'limbeck';
import type {QuestionService} from '../question-service.ts';
import {diamonds, questions} from './table.ts';

/** A network behind a service that takes rows of the table. */
export const service: QuestionService = {
  name: 'ratings',
  port: 47_914,
  questions,
  examples: diamonds,
  build: mlp({units: [128, 64]}),
  epochs: 10,
};
