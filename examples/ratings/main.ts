import {mkdir, writeFile} from 'node:fs/promises';
import {compareQuestions, startEngine} from 'limbeck';
import recipe from './recipe.ts';
import {serve, teacherModel} from './teacher.ts';

const directory = 'out/ratings';

await startEngine();
const service = await serve(await teacherModel());
try {
  const found = await compareQuestions(recipe, {
    directory,
    cache: `${directory}/answers`,
    onNote: note => console.error(note),
  });
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
  await service.close();
}
