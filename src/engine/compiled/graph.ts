import {dataTypes} from './attribute.ts';
import {constantNode, type GraphNode, type GraphVariable, graphVariable, variableNodes} from './graph-node.ts';
import {type GraphProgram, ProgramWriter} from './program-writer.ts';
import type {Recording} from './recording.ts';

/** A graph in which several recordings share their variables, with the names to use it by. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly variables: readonly GraphVariable[];
  /** Variables that any program assigns. */
  readonly assigned: readonly GraphVariable[];
  /** Fetching it sets every variable to its fed value. */
  readonly start: string;
  readonly programs: readonly GraphProgram[];
}

/** Makes one graph of recordings. Inputs become placeholders. */
export function graphOf(recordings: readonly Recording[]): Graph {
  const used = new Set(recordings.flatMap(({variables}) => [...variables]));
  const assigned = new Set(recordings.flatMap(({assignments}) => [...assignments.keys()]));
  const byVariable = new Map(Array.from(used, (variable, index) => [variable, graphVariable(variable, `v${index}`)]));
  const variables = [...byVariable.values()];
  const start = {
    ...constantNode('start', {kind: 'constant', shape: [], dtype: dataTypes.int32, values: Int32Array.of(0)}),
    inputs: variables.map(({start}) => `^${start}`),
  };
  const writers = recordings.map((recording, index) => new ProgramWriter(recording, byVariable, `p${index}`));
  const programs = writers.map(writer => writer.write());
  return {
    nodes: [...variables.flatMap(variableNodes), start, ...writers.flatMap(({nodes}) => nodes)],
    variables,
    assigned: variables.filter(({variable}) => assigned.has(variable)),
    start: start.name,
    programs,
  };
}
