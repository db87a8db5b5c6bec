import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import type {Command} from 'commander';
import {afterAll, describe, expect, it} from 'vitest';
import {anthropic} from '../adapters/anthropic.ts';
import {bedrock} from '../adapters/bedrock.ts';
import {callable} from '../adapters/callable.ts';
import {command} from '../adapters/command.ts';
import {decisions} from '../adapters/decisions.ts';
import {gemini} from '../adapters/gemini.ts';
import {http} from '../adapters/http.ts';
import {huggingface} from '../adapters/huggingface.ts';
import {human} from '../adapters/human.ts';
import {llama} from '../adapters/llama.ts';
import {llamaCpp} from '../adapters/llama-cpp.ts';
import {ollama} from '../adapters/ollama.ts';
import {onnx} from '../adapters/onnx.ts';
import {openInference} from '../adapters/open-inference.ts';
import {openai} from '../adapters/openai.ts';
import {sagemaker} from '../adapters/sagemaker.ts';
import {savedModel} from '../adapters/saved-model.ts';
import {systemOne} from '../adapters/system-one.ts';
import {tensorflowServing} from '../adapters/tensorflow-serving.ts';
import {textEmbeddingsInference} from '../adapters/text-embeddings-inference.ts';
import {tfjs} from '../adapters/tfjs.ts';
import {transformers} from '../adapters/transformers.ts';
import {vertex} from '../adapters/vertex.ts';
import {vllm} from '../adapters/vllm.ts';
import * as asking from '../src/cli/commands/asking.ts';
import {cacheCommand} from '../src/cli/commands/cache.ts';
import {serveCommand, statusCommand} from '../src/cli/commands/serve.ts';
import * as studying from '../src/cli/commands/students.ts';
import {textDataset} from '../src/data/texts/dataset.ts';
import * as ask from '../src/public/ask.ts';
import * as data from '../src/public/data.ts';
import * as losses from '../src/public/losses.ts';
import * as select from '../src/public/select.ts';
import * as students from '../src/public/students.ts';
import {loadRecipe} from '../src/recipe/load.ts';
import {adam, sgd} from '../src/train/optimizer.ts';
import {constantRate, cosineDecay, stepDecay} from '../src/train/schedule.ts';
import {train} from '../src/train/train.ts';

type Make = (options: object) => unknown;

/** Reports the error of a function at once, and of one that returns a promise later. */
async function problemOf(make: () => unknown): Promise<string> {
  try {
    await make();
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
}

const classes = ['ham', 'spam'];
const adapters: readonly (readonly [Make, string, string])[] = [
  [anthropic as Make, 'hedaers', 'headers'],
  [bedrock as Make, 'regoin', 'region'],
  [callable as Make, 'aswer', 'answer'],
  [command as Make, 'comand', 'command'],
  [decisions as Make, 'dialekt', 'dialect'],
  [gemini as Make, 'topLogProbs', 'topLogprobs'],
  [http as Make, 'requests', 'request'],
  [huggingface as Make, 'lables', 'labels'],
  [human as Make, 'delimeter', 'delimiter'],
  [llama as Make, 'thread', 'threads'],
  [llamaCpp as Make, 'reusesPrompts', 'reusePrompts'],
  [ollama as Make, 'temprature', 'temperature'],
  [onnx as Make, 'layuot', 'layout'],
  [openInference as Make, 'binnary', 'binary'],
  [openai as Make, 'header', 'headers'],
  [sagemaker as Make, 'varient', 'variant'],
  [savedModel as Make, 'signatures', 'signature'],
  [systemOne as Make, 'envelop', 'envelope'],
  [tensorflowServing as Make, 'verson', 'version'],
  [textEmbeddingsInference as Make, 'trunkate', 'truncate'],
  [tfjs as Make, 'feature', 'features'],
  [transformers as Make, 'poolin', 'pooling'],
  [vertex as Make, 'endpiont', 'endpoint'],
  [vllm as Make, 'endTurn', 'endsTurn'],
];

describe('an unknown option', () => {
  it.each(adapters.map(([make, wrong, right]) => [make.name, wrong, right, make] as const))(
    'of %s is refused with the nearest name: %s',
    async (name, wrong, right, make) => {
      const problem = await problemOf(() => make({[wrong]: 'x'}));
      expect(problem).toBe(`${name} has no option \`${wrong}\`. Did you mean \`${right}\`?`);
    },
  );

  const {softLabels} = losses;
  const terms = [
    losses.attentionTransfer,
    losses.centredLogits,
    losses.dist,
    losses.dkd,
    losses.featureHint,
    losses.hardLabels,
    losses.jensenShannon,
    losses.nkd,
    losses.pkt,
    losses.rkd,
    losses.similarityPreserving,
    softLabels,
    losses.topKLabels,
    losses.ttm,
    losses.voteLabels,
  ] as readonly unknown[] as readonly Make[];
  it.each(terms.map(make => [make.name, make] as const))('of the loss %s is refused', async (name, make) => {
    expect(await problemOf(() => make({wieght: 2}))).toBe(`${name} has no option \`wieght\`. Did you mean \`weight\`?`);
  });

  it('of a loss around another is refused', () => {
    const wrong = {decimal: 2} as never;
    expect(() => losses.quantised(softLabels(), wrong)).toThrow('Did you mean `decimals`?');
    expect(() => losses.learnedTemperature(softLabels(), {leest: 1} as never)).toThrow('Did you mean `least`?');
  });

  it.each([
    [students.mlp, 'unit', 'units'],
    [students.lenet, 'filter', 'filters'],
    [students.resnetCifar, 'dept', 'depth'],
    [students.hashedNgrams, 'bucket', 'buckets'],
    [students.subwordCnn, 'width', 'widths'],
    [students.embeddingHead, 'modle', 'model'],
  ])('of the student %o is refused', (make, wrong, right) => {
    expect(() => (make as Make)({[wrong]: 1})).toThrow(
      `${make.name} has no option \`${wrong}\`. Did you mean \`${right}\`?`,
    );
  });
});

describe('an unknown option of training, selection, views and composed teachers', () => {
  const nothing = {} as never;
  const made: readonly (readonly [Make, string, string])[] = [
    [adam, 'learningrate', 'learningRate'],
    [sgd, 'momentun', 'momentum'],
    [constantRate, 'warmup', 'warmUp'],
    [cosineDecay, 'finale', 'final'],
    [stepDecay as Make, 'facter', 'factor'],
    [
      function train_(options) {
        return train(nothing, nothing, options as never).next();
      },
      'epoch',
      'epochs',
    ],
    [select.disagreement, 'student', 'students'],
    [
      function selectInRounds_(options) {
        return select.selectInRounds(nothing, nothing, options as never).next();
      },
      'explor',
      'explore',
    ],
    [data.crop, 'pading', 'padding'],
    [data.noise as Make, 'deviaton', 'deviation'],
    [data.mixUp, 'alfa', 'alpha'],
    [data.cutMix, 'alpa', 'alpha'],
    [
      function versionsOf_(options) {
        return data.versionsOf(nothing, options as never);
      },
      'cuont',
      'count',
    ],
    [
      function holdOut_(options) {
        return data.holdOut(nothing, options as never);
      },
      'validate',
      'validation',
    ],
    [
      function drawExamples_(options) {
        return data.drawExamples(nothing, options as never);
      },
      'sise',
      'size',
    ],
    [
      function ensemble_(options) {
        return ask.ensemble([], options as never);
      },
      'weight',
      'weights',
    ],
    [
      function repeat_(options) {
        return ask.repeat(nothing, options as never);
      },
      'sample',
      'samples',
    ],
    [
      function cascade_(options) {
        return ask.cascade([], options as never);
      },
      'confidense',
      'confidence',
    ],
    [
      function boundary_(options) {
        return ask.boundary(nothing, options as never);
      },
      'reference',
      'references',
    ],
    [
      function calibrated_(options) {
        return ask.calibrated(nothing, options as never);
      },
      'exmples',
      'examples',
    ],
    [
      function labelModel_(options) {
        return ask.labelModel([], options as never);
      },
      'smoothin',
      'smoothing',
    ],
    [
      function dawidSkene_(options) {
        return ask.dawidSkene([], options as never);
      },
      'round',
      'rounds',
    ],
    [
      function degrade_(options) {
        return ask.degrade(nothing, options as never);
      },
      'decimal',
      'decimals',
    ],
    [
      function asTeacher_(options) {
        return students.asTeacher(nothing, options as never);
      },
      'maxbatch',
      'maxBatch',
    ],
  ];
  it.each(made.map(([make, wrong, right]) => [make.name.replace('_', ''), wrong, right, make] as const))(
    'of %s is refused with the nearest name: %s',
    async (name, wrong, right, make) => {
      const problem = await problemOf(() => make({[wrong]: 1}));
      expect(problem).toBe(`${name} has no option \`${wrong}\`. Did you mean \`${right}\`?`);
    },
  );

  it.each([select.entropy, select.kCenter, select.margin, select.random, data.flip] as readonly Make[])(
    'of %o is refused, since it takes none',
    make => {
      expect(() => make({students: 3})).toThrow(`${make.name} has no option \`students\`. It takes none.`);
      expect(() => make({})).not.toThrow();
    },
  );

  it('of a rule and of a strategy within another is refused, too', () => {
    const stop = {sure: 0.9, lest: 3};
    expect(() => ask.repeat(nothing, {samples: 9, stop} as never)).toThrow(
      '`stop` of repeat has no option `lest`. Did you mean `least`?',
    );
    expect(() => select.balanced({within: select.margin()} as never)).toThrow('takes a strategy, such as margin()');
    expect(() => ask.boundary(nothing, {references: {}, form: 'invers'} as never)).toThrow(
      'boundary: `form` takes one of "inverse", "power"',
    );
  });
});

describe('an unknown flag', () => {
  const withInner = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(withInner)];
  const commands = [...Object.values(asking), ...Object.values(studying), cacheCommand, serveCommand, statusCommand]
    .flatMap(make => withInner(make()))
    .filter(({options}) => options.length > 0);

  it.each(commands.map(command => [command.name(), command] as const))(
    'of `%s` is refused with the nearest one',
    async (_, command) => {
      const said: string[] = [];
      command.exitOverride().configureOutput({writeErr: text => said.push(text)});
      const needed = command.options.filter(({mandatory}) => mandatory).flatMap(({long}) => [long!, 'x']);
      // A missing flag that is needed is named before a flag that is unknown.
      for (const {long} of command.options.filter(({mandatory, hidden}) => !mandatory && !hidden)) {
        said.length = 0;
        const wrong = `--${long!.slice(3)}`;
        await command.parseAsync([...needed, wrong], {from: 'user'}).catch(() => {});
        expect(said.join('')).toMatch(new RegExp(`unknown option '${wrong}'\\n\\(Did you mean .*${long}\\b`));
      }
    },
  );
});

describe('an option of the wrong kind', () => {
  const good = {model: 'm', classes, output: 'label'};
  it.each([
    [{model: 5}, 'openai: `model` takes a text, got a number.'],
    [{classes: 'ham'}, 'openai: `classes` takes a list of texts, got a text.'],
    [{classes: ['ham', 3]}, 'openai: `classes.1` takes a text, got a number.'],
    [{key: 12345}, 'openai: `key` takes a text, or a function that returns one, got a number.'],
    [{concurrency: '16'}, 'openai: `concurrency` takes a number, got a text.'],
    [{http2: 'yes'}, 'openai: `http2` takes true or false, got a text.'],
    [{output: 'labels'}, 'openai: `output` takes one of "label", "confidence", "log-probabilities", got a text.'],
    [{output: undefined}, 'openai needs `output`: one of "label", "confidence", "log-probabilities".'],
    [{prompt: 3}, 'openai: `prompt` takes a text or an object, got a number.'],
    [{prompt: {user: 5}}, 'The `prompt` has no `{text}`'],
    [{prompt: {user: '{text}', sistem: ''}}, 'The `prompt` has no `{text}`'],
  ])('is refused with what it takes: %j', (options, problem) => {
    expect(() => openai({...good, ...options} as never)).toThrow(problem);
  });

  it('is every kind but an object with options', () => {
    expect(() => openai(undefined as never)).toThrow('openai takes an object with its options, got undefined.');
    expect(() => openai('gpt' as never)).toThrow('openai takes an object with its options, got a text.');
  });

  it('of which an option that is undefined is none', () => {
    expect(() => openai({...good, timeout: undefined, nothing: undefined} as never)).not.toThrow();
  });
});

describe('a prompt', () => {
  it('that is a text is the whole prompt of the user', () => {
    const options = {model: 'm', classes, output: 'label'} as const;
    const prompt = 'Ham or spam?\n{text}';
    expect(openai({...options, prompt}).identity).toEqual(openai({...options, prompt: {user: prompt}}).identity);
    expect(() => openai({...options, prompt: 'Ham or spam?'})).toThrow('The `prompt` has no `{text}`');
  });
});

describe('a recipe in JavaScript', () => {
  const folder = mkdtempSync(join(tmpdir(), 'limbeck-options-'));
  afterAll(() => rmSync(folder, {recursive: true}));
  const source = (path: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, '..', path)).href);
  const recipeWith = (name: string, teacher: string, loss: string) => {
    const path = join(folder, name);
    writeFileSync(
      path,
      `import {openai} from ${source('adapters/openai.ts')};
      import {textDataset} from ${source('src/public/data.ts')};
      import {softLabels} from ${source('src/public/losses.ts')};
      import {mlp} from ${source('src/public/students.ts')};
      export default {
        name: 'test', data: () => textDataset({}), transfer: {size: 10},
        teachers: {'gray-box': () => openai(${teacher})},
        student: mlp(), seeds: [1], training: {epochs: 1},
        methods: [{level: 'gray-box', method: 'soft', losses: [softLabels(${loss})]}],
      };`,
    );
    return path;
  };

  it('is named with the option of its loss, and of its teacher when it is made', async () => {
    const wrongLoss = recipeWith('loss.mjs', '{}', "{temperature: '4'}");
    await expect(loadRecipe(wrongLoss)).rejects.toThrow(
      `${wrongLoss}: softLabels: \`temperature\` takes a number, got a text.`,
    );
    const wrongData = recipeWith('data.mjs', '{}', '{}');
    await expect(textDataset({texts: []} as never)).rejects.toThrow(
      'textDataset has no option `texts`. Did you mean `text`?',
    );
    expect(await problemOf(async () => (await loadRecipe(wrongData)).data())).toBe(
      `${wrongData}: textDataset needs \`path\`: a text or an object.`,
    );
    const wrongTeacher = recipeWith('teacher.mjs', "{model: 'm', classes: ['a', 'b'], ouput: 'label'}", '{}');
    const {teachers} = await loadRecipe(wrongTeacher);
    expect(() => teachers['gray-box']!({} as never)).toThrow(
      `${wrongTeacher}: openai has no option \`ouput\`. Did you mean \`output\`?`,
    );
  });
});
