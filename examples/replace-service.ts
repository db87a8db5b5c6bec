import {mkdir, writeFile} from 'node:fs/promises';
import {compare, type Inputs, type Recipe, type Results, resultsTable, type UnlabelledDataset} from 'limbeck';
import {inputAt} from 'limbeck/data';
import {type ChatServiceOptions, type Said, serveChat} from './chat-service.ts';
import {measureStudent, type StudentInUse} from './measure-student.ts';

/** A service that a student replaces. */
export interface Replacement {
  readonly service: ChatServiceOptions;
  /** Folder for all files, `results.json` included. */
  readonly directory: string;
  /** The recipe of a student that learns from a number of answers, by one method. */
  readonly recipe: (calls: number) => Recipe<UnlabelledDataset>;
}

export interface ReplacementResults extends StudentInUse {
  /** Share of held-out texts on which student and service agree, by number of answers; mean over seeds. */
  readonly agreement: {readonly at500: number; readonly at1500: number};
}

/** Starts the service, buys 500 and 1,500 answers from it, and measures the students that learned from them. */
export async function replaceService({service: options, directory, recipe}: Replacement): Promise<ReplacementResults> {
  const service = await serveChat(options);
  try {
    const learned = async (calls: number): Promise<Results> => {
      const results = await compare(recipe(calls), {
        directory: `${directory}/${calls}`,
        cache: `${directory}/answers`,
      });
      console.error(`${resultsTable(results)}\n`);
      return results;
    };
    const [few, many] = [await learned(500), await learned(1500)];
    const {test} = await recipe(500).data();
    const student = `${directory}/500/students/${few.methods[0]!.method}/seed-1`;
    const inUse = await measureStudent(student, test.inputs, await labelsOf(options, test.inputs));
    const results = {agreement: {at500: meanAgreement(few), at1500: meanAgreement(many)}, ...inUse};
    await mkdir(directory, {recursive: true});
    await writeFile(`${directory}/results.json`, `${JSON.stringify(results, undefined, 2)}\n`);
    return results;
  } finally {
    await service.close();
  }
}

function meanAgreement({rows}: Results): number {
  return rows.reduce((sum, {agreement}) => sum + agreement, 0) / rows.length;
}

async function labelsOf({classify}: ChatServiceOptions, inputs: Inputs): Promise<Int32Array> {
  const labels = new Int32Array(inputs.count);
  for (let index = 0; index < inputs.count; index++) {
    const input = inputAt(inputs, index);
    labels[index] = labelIn(await classify(input.kind === 'text' ? input.text : ''));
  }
  return labels;
}

function labelIn(said: Said): number {
  return typeof said === 'number' ? said : said.indexOf(Math.max(...said));
}
