import {defineRecipe, featureHint, hardLabels, lenet, type Recipe, softLabels} from 'limbeck';
import {decisions} from 'limbeck/adapters/decisions';
import {tfjs} from 'limbeck/adapters/tfjs';
import {dataFor, teacherFolder} from '../question-service.ts';
import {questions, size} from './images.ts';
import {service} from './teacher.ts';

const recipe: Recipe = defineRecipe({
  name: 'two-digits',
  questions,
  data: question => dataFor(service, question!),
  transfer: {size: 3000},
  images: size,
  teachers: {
    'white-box': () => tfjs({path: teacherFolder(service.name)}),
    // Methods of the level below learn from the labels of its answers.
    'gray-box': () => decisions({url: `http://127.0.0.1:${service.port}/v1`, model: 'two-digits', questions}),
  },
  student: lenet(),
  methods: [
    {level: 'black-box', method: 'labels', losses: [hardLabels()]},
    {level: 'gray-box', method: 'probabilities', losses: [softLabels({temperature: 2})]},
    {
      level: 'white-box',
      method: 'features',
      losses: [softLabels({temperature: 2}), featureHint({teacher: 'dense_1', student: 'dense_1', weight: 0.1})],
    },
  ],
  seeds: [1],
  training: {steps: 700, batchSize: 64},
});

export default recipe;
