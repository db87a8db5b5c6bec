import type {Inputs} from '../../src/data/inputs.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';
import {type Samples, samplesOf} from '../../src/study/samples.ts';

export interface DrawnOptions {
  readonly inputs: Inputs;
  /** [input][method], the classes that students name, each with a logit of 3 above the others. */
  readonly named: readonly (readonly number[])[];
  /** [input], the classes that the teacher names, which are true as well. */
  readonly teacher: readonly number[];
  /** @default those of two methods and three classes */
  readonly results?: Pick<Results, 'truth' | 'classes' | 'methods'>;
}

/** The samples of a test split about which students said this. */
export function drawnSamples({inputs, named, teacher, results = twoMethods()}: DrawnOptions): Promise<Samples> {
  const labels = Int32Array.from(teacher);
  const classes = results.classes.length;
  const runs = results.methods.map(({level, method}, index) => {
    const logits = Float32Array.from({length: named.length * classes}, (_, at) =>
      named[Math.floor(at / classes)]![index] === at % classes ? 3 : 0,
    );
    return {row: {level, method} as ResultRow, logits};
  });
  const rows = Int32Array.from(teacher.keys());
  return samplesOf({inputs, reference: {rows, labels, distributions: undefined, truth: labels}, results, runs});
}

function twoMethods(): Pick<Results, 'truth' | 'classes' | 'methods'> {
  const methods = ['a', 'b'].map(method => ({level: 'gray-box', method}));
  return {truth: 'labels', classes: ['x', 'y', 'z'], methods} as unknown as Results;
}
