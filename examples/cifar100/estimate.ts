import {type Knowledge, type Student, train} from 'limbeck';
import {selectInputs} from 'limbeck/data';
import {training} from './settings.ts';
import {type Setup, type StageName, stageNames, stageOf} from './stages.ts';

/** The first step of a run compiles and takes longer. During the last step no teacher answers ahead. */
const STEPS = 5;

/** Seconds that a step of each stage takes here, measured with a few steps of networks that are then dropped. */
export async function secondsAStep(setup: Setup): Promise<Readonly<Record<StageName, number>>> {
  const few = {...setup, knowledge: firstOf(setup.knowledge, STEPS * training.batchSize)};
  const teacher = setup.networks.teacher(setup.task, training.seed);
  const seconds = {teacher: 0, student: 0, distilled: 0};
  for (const name of stageNames) seconds[name] = await usualStep(name, few, name === 'distilled' ? teacher : undefined);
  teacher.model.dispose();
  return seconds;
}

async function usualStep(name: StageName, setup: Setup, teacher: Student | undefined): Promise<number> {
  const {network, options} = stageOf(name, setup, teacher);
  const times: number[] = [];
  let last = performance.now();
  const onStep = () => {
    times.push((performance.now() - last) / 1000);
    last = performance.now();
  };
  for await (const _ of train(network, setup.knowledge, {...options, epochs: 1, onStep}));
  network.model.dispose();
  const usual = (times.length > 2 ? times.slice(1, -1) : times).sort((one, other) => one - other);
  return usual[Math.floor(usual.length / 2)]!;
}

function firstOf(knowledge: Knowledge, most: number): Knowledge {
  const rows = Array.from({length: Math.min(most, knowledge.inputs.count)}, (_, row) => row);
  const {answers, inputs} = knowledge;
  if (answers.kind !== 'label') throw new TypeError('There are no labels.');
  return {
    ...knowledge,
    inputs: selectInputs(inputs, rows),
    answers: {kind: 'label', count: rows.length, labels: answers.labels.slice(0, rows.length)},
  };
}

/** For example `2 h 5 min`. */
export function inWords(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.ceil(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(seconds / 3600);
  return minutes < 600 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${hours} h`;
}
