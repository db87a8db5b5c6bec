import {mkdir, writeFile} from 'node:fs/promises';
import {compareQuestions, startEngine} from 'limbeck';
import {printing, serve, teacherModel} from '../question-service.ts';
import recipe from './recipe.ts';
import {service} from './teacher.ts';

const directory = 'out/ratings';

await startEngine();
const running = await serve(service, await teacherModel(service));
try {
  const found = await compareQuestions(recipe, {directory, cache: `${directory}/answers`, ...printing()});
  const results = {
    questions: found.questions.map(({question: {name, type}, measures}) => ({
      name,
      type,
      students: measures.map(({type: _, ...own}) => own),
    })),
    joint: found.joint,
  };
  await mkdir(directory, {recursive: true});
  await writeFile(`${directory}/results.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(JSON.stringify(results, undefined, 2));
} finally {
  await running.close();
}
