import {defineRecipe, hardLabels, mlp, type Recipe} from 'limbeck';
import {systemOne} from 'limbeck/adapters/system-one';
import {expectedLabels, scoreLabels} from 'limbeck/losses';
import {dataFor} from '../question-service.ts';
import {questions} from './table.ts';
import {service} from './teacher.ts';

const recipe: Recipe = defineRecipe({
  name: 'ratings',
  questions,
  data: question => dataFor(service, question!),
  transfer: {size: 2000},
  teachers: {
    'gray-box': () => systemOne({url: `http://127.0.0.1:${service.port}/v1/systemone`, model: 'ratings', questions}),
  },
  student: mlp({units: [64]}),
  methods: [
    {level: 'black-box', method: 'level', losses: [hardLabels()]},
    // Of a predicate it is the probability of yes.
    {level: 'gray-box', method: 'expected level', detail: {kind: 'expected'}, losses: [expectedLabels()]},
    {level: 'gray-box', method: 'distribution', losses: [scoreLabels()]},
  ],
  seeds: [1, 2, 3],
});

export default recipe;
