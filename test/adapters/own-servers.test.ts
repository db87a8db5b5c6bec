/** The page on servers of one's own, word by word, against the real servers. */
import {spawnSync} from 'node:child_process';
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {delimiter, join} from 'node:path';
import {env} from 'node:process';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Outcome, Teacher} from '../../src/teacher.ts';
import {freePort} from '../free-port.ts';
import type {ServedModel} from '../servers/mlserver.ts';
import {type Section, scratch, writeSection} from '../servers/page.ts';
import {NO_SERVERS, type PythonServer, programsOf, startPythonServer} from '../servers/python-server.ts';
import {problemsIn, text} from './replay.ts';

const programs = programsOf('frameworks');
const whyNot = programs === undefined ? ` (${NO_SERVERS})` : '';
// As a reader has it who has activated the environment.
if (programs !== undefined) env['PATH'] = [programs, env['PATH']].join(delimiter);

/** A path of each server that answers as soon as it can be used. */
const servers: readonly (readonly [heading: string, readyAt: string])[] = [
  ['FastAPI', '/docs'],
  ['MLflow', '/ping'],
  ['BentoML', '/readyz'],
  ['LitServe', '/health'],
  ['Ray Serve', '/-/healthz'],
];

const PYTHON = `
import json, sys
sys.path.insert(0, sys.argv[1])
import joblib, models
model, texts = models.moods()
for folder in sys.argv[2:]:
    joblib.dump(model, folder + "/model.joblib")
print(json.dumps(models.answers(model, texts)))
`;

/** Saves scikit-learn's model into each folder, and returns what scikit-learn itself answers. */
function makeModel(folders: readonly string[]): ServedModel<string> {
  const args = ['-c', PYTHON, join(import.meta.dirname, '../servers'), ...folders];
  const {status, stdout, stderr} = spawnSync(join(programs!, 'python'), args, {encoding: 'utf8'});
  if (status !== 0) throw new Error(`The model could not be made:\n${stderr}`);
  return JSON.parse(stdout);
}

function expectProbabilities(outcomes: readonly Outcome[], rows: readonly (readonly number[])[]): void {
  expect(problemsIn(outcomes)).toEqual(rows.map(() => 'none'));
  for (const [index, row] of rows.entries()) {
    const {logProbabilities} = (outcomes[index] as {answer: {logProbabilities: Float32Array}}).answer;
    for (const [label, probability] of row.entries()) {
      expect(Math.exp(logProbabilities[label]!)).toBeCloseTo(probability, 6);
    }
  }
}

async function askAll(teacher: Teacher, texts: readonly string[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let start = 0; start < texts.length; start += teacher.maxBatch) {
    outcomes.push(...(await teacher.ask(texts.slice(start, start + teacher.maxBatch).map(text))));
  }
  return outcomes;
}

/** Runs the section's commands: the last one starts the server. */
async function start({folder, commands}: Section, port: number, readyAt: string): Promise<PythonServer> {
  const variables = {BENTOML_DO_NOT_TRACK: 'True', RAY_USAGE_STATS_ENABLED: '0'};
  for (const [program, ...args] of commands.slice(0, -1)) {
    const {status, stderr} = spawnSync(program, args, {cwd: folder, encoding: 'utf8'});
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stderr}`);
  }
  const command = commands.at(-1)!;
  return (await startPythonServer({environment: 'frameworks', command, folder, variables, port, readyAt}))!;
}

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

describe.skipIf(programs === undefined)(`the teachers of the page on servers of one's own${whyNot}`, () => {
  const started: PythonServer[] = [];
  const sections = new Map<string, Section>();
  let moods: ServedModel<string>;

  beforeAll(async () => {
    const ports = await Promise.all(servers.map(freePort));
    for (const [index, [heading]] of servers.entries()) sections.set(heading, writeSection(heading, ports[index]));
    sections.set('Python', writeSection('A program in Python'));
    moods = makeModel(Array.from(sections.values(), ({folder}) => folder));
    await Promise.all(
      servers.map(async ([heading, readyAt], index) => {
        started.push(await start(sections.get(heading)!, ports[index]!, readyAt));
      }),
    );
  });

  afterAll(() => Promise.all(started.map(server => server.stop())));

  it.each(servers)('bring the probabilities of scikit-learn through %s', async heading => {
    const teacher = await sections.get(heading)!.teacher();
    expect(teacher.classes).toEqual(moods.classes);
    expectProbabilities(await askAll(teacher, moods.inputs), moods.probabilities);
  });

  it('bring them from a program in Python', async () => {
    const teacher = await sections.get('Python')!.teacher();
    expectProbabilities(await askAll(teacher, moods.inputs), moods.probabilities);
  });
});

const R = `
texts <- c("hi", "see you at noon", "WIN!!", "free prize!", "lunch?", "call now!!!", "a long mail about the plan", "wow!")
spam <- c(0, 0, 1, 1, 0, 1, 0, 0)
marks <- lengths(regmatches(texts, gregexpr("!", texts)))
model <- glm(spam ~ length + marks, binomial, data.frame(length = nchar(texts), marks = marks), control = list(maxit = 4))
saveRDS(model, "model.rds")
cat(jsonlite::toJSON(list(texts = texts, spam = unname(fitted(model))), digits = NA))
`;

const hasR = spawnSync('Rscript', ['-e', 'library(jsonlite)']).status === 0;
if (!hasR && env['CI'] !== undefined) throw new Error('Tests with a program in R must run where CI is set.');

describe.skipIf(!hasR)(`the program in R of that page${hasR ? '' : ' (R with jsonlite is not installed)'}`, () => {
  it('brings the probabilities of R to all their digits', async () => {
    const {folder, teacher} = writeSection('A program in R');
    writeFileSync(join(folder, 'make.R'), R);
    const {stdout} = spawnSync('Rscript', ['make.R'], {cwd: folder, encoding: 'utf8'});
    const made: {readonly texts: string[]; readonly spam: number[]} = JSON.parse(stdout);
    const rows = made.spam.map(share => [1 - share, share]);
    expectProbabilities(await askAll(await teacher(), made.texts), rows);
    expect(readFileSync(join(folder, 'classify.R'), 'utf8')).toContain('digits = NA');
  });
});
