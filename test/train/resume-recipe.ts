/** One method that learns from true labels, for the command line: no teacher, no files, a second or two of training. */
import {asSplit} from '../../src/data/split.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {defineRecipe} from '../../src/recipe/define.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {mlp} from '../../src/student/mlp.ts';
import {columns} from './resume-cases.ts';

const classes = ['left', 'right', 'middle'];

const recipe: Recipe = defineRecipe({
  name: 'columns',
  data: () => ({
    classes,
    train: asSplit('train', columns(40)),
    validation: asSplit('validation', columns(20, 2)),
    test: asSplit('test', columns(20, 3)),
  }),
  transfer: {size: 40},
  // Nobody is asked: the one method learns from true labels.
  teachers: {'white-box': () => asTeacher(mlp({units: [8]})({classes, inputShape: [4, 4, 1], preprocessing: {}}, 2))},
  student: mlp({units: [8]}),
  methods: [{level: 'none', method: 'alone', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 200, batchSize: 8},
});

export default recipe;
