import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';
import {packageVersion} from '../../version.ts';
import {bundle} from '../bundle.ts';
import type {PaddedReading} from './padded-texts.ts';
import {pythonReading} from './python-reading.ts';

/** The programs that read texts for a graph, each a whole file without dependencies. */
export interface TextFunctions {
  readonly python: string;
  readonly javascript: string;
}

interface Names {
  /** The file of the model. */
  readonly model: string;
  /** The name of the programs, without an ending. */
  readonly program: string;
  /** The input of the graph. */
  readonly input: string;
  /** The outputs of the graph. */
  readonly outputs: readonly string[];
}

/**
 * Makes the programs. The one in JavaScript is this program's own code; that in Python is tested to give the same.
 *
 * @throws LimbeckError if they can't be made
 */
export async function textFunctions(reading: PaddedReading, names: Names): Promise<TextFunctions> {
  return {
    python: `${pythonDocs(names)}\n${pythonReading(reading)}`,
    javascript: `${javascriptDocs(names)}\n${await javascriptReading(reading, `${names.program}.mjs`)}`,
  };
}

const NOTE = `Written by limbeck ${packageVersion()}. It needs no other package. Characters that came to Unicode after this`;

function pythonDocs({model, program, input, outputs}: Names): string {
  return `"""Reads texts as ${model} takes them.

    import numpy
    import onnxruntime
    from ${program} import read_texts

    session = onnxruntime.InferenceSession("${model}")
    texts = numpy.array(read_texts(["a text", "another"]), numpy.int32)
    ${outputs.length > 1 ? 'outputs' : outputs[0]} = session.run(${JSON.stringify(outputs)}, {"${input}": texts})

${NOTE}
version of Python can give other numbers than in JavaScript.
"""
`;
}

function javascriptDocs({model, program, input}: Names): string {
  return `/*
 * Reads texts as ${model} takes them.
 *
 *     import {InferenceSession, Tensor} from 'onnxruntime-node';
 *     import {readTexts} from './${program}.mjs';
 *
 *     const session = await InferenceSession.create('${model}');
 *     const {data, dims} = readTexts(['a text', 'another']);
 *     const outputs = await session.run({${input}: new Tensor('int32', data, dims)});
 *
 * ${NOTE}
 * version of JavaScript can give other numbers than elsewhere.
 */
`;
}

function javascriptReading(reading: PaddedReading, name: string): Promise<string> {
  const source = fileURLToPath(import.meta.url);
  // The sources are TypeScript, and the built package is JavaScript.
  const module = source.endsWith('.ts') ? './padded-texts.ts' : './padded-texts.js';
  const contents = `
    import {paddedTexts} from '${module}';
    const READING = ${JSON.stringify(reading)};
    export function readTexts(texts) { return paddedTexts(texts, READING); }`;
  const stdin = {contents, resolveDir: dirname(source), sourcefile: name};
  return bundle(name, {stdin, format: 'esm', legalComments: 'none'});
}
