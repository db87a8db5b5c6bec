import {writeFile} from 'node:fs/promises';
import {startEngine} from 'limbeck';
import {replaceService} from '../replace-service.ts';
import {classes, detect, score} from './detectors.ts';
import {labelRecipe, PORT, scoreRecipe} from './recipe.ts';

const directory = 'out/languages';

await startEngine();
const labels = await replaceService({
  service: {port: PORT, model: 'eld', answers: classes, classify: detect},
  directory,
  recipe: labelRecipe,
});
const scores = await replaceService({
  service: {port: PORT, model: 'franc', answers: classes, classify: score},
  directory: `${directory}/scores`,
  recipe: scoreRecipe,
});
const results = {...labels, scores};
await writeFile(`${directory}/results.json`, `${JSON.stringify(results, undefined, 2)}\n`);
console.log(JSON.stringify(results, undefined, 2));
