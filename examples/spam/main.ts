import {replaceService} from '../replace-service.ts';
import {spamRecipe} from './recipe.ts';
import {directory, mailService} from './service.ts';

const results = await replaceService({service: await mailService(), directory, recipe: spamRecipe});
console.log(JSON.stringify(results, undefined, 2));
