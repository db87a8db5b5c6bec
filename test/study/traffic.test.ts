import {appendFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {Inputs} from '../../src/data/inputs.ts';
import {InputError} from '../../src/errors.ts';
import {tabulate} from '../../src/knowledge/answers.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge, StoredKnowledge} from '../../src/knowledge/knowledge.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {TrafficLog, writeTraffic} from '../../src/serve/traffic.ts';
import {inputsApart} from '../../src/study/divide.ts';
import {describeTraffic, knowledgeWithTraffic} from '../../src/study/traffic.ts';
import type {Answer, Detail} from '../../src/teacher.ts';
import {folders, settingApart} from './tiny.ts';

const newFolder = folders();
const classes = ['ham', 'spam'];
const teacher = {name: 'far', identity: {adapter: 'far', prompt: 'Sort it.'}, access: 'gray-box'} as const;

/** Log-probabilities of a text that is ham at this probability. */
const saying = (ham: number): Answer => ({
  kind: 'log-probabilities',
  logProbabilities: Float32Array.of(Math.log(ham), Math.log(1 - ham)),
});

function knowing(texts: readonly string[], detail: Detail = {kind: 'log-probabilities'}): Knowledge {
  return {
    source: {access: teacher.access, identity: teacher.identity},
    classes,
    detail,
    inputs: {kind: 'text', count: texts.length, texts},
    answers: tabulate(
      texts.map((_, index) => saying(0.1 + index / 10)),
      detail,
      classes.length,
    ),
  };
}

const textsOf = (texts: readonly string[]): Inputs => ({kind: 'text', count: texts.length, texts});

/** A file of traffic about these texts, as a service writes it. */
async function traffic(texts: readonly string[], changes: object = {}, answer = saying(0.8)): Promise<string> {
  const path = join(await newFolder('traffic'), 'traffic.jsonl');
  const log = await TrafficLog.open(path, {teacher, classes, maxBytes: 1e6, onEnd: () => {}, ...changes});
  for (const text of texts) {
    log.add({query: {input: {kind: 'text', text}}, answer, student: saying(0.4), why: 'unsure'});
  }
  await log.close();
  return path;
}

describe('knowledgeWithTraffic', () => {
  it('puts the texts and answers of the traffic after those that were saved', async () => {
    const path = await traffic(['c', 'd']);
    const {knowledge, added, leftOut} = await knowledgeWithTraffic(knowing(['a', 'b']), {path, held: []});
    expect(added).toBe(2);
    expect(leftOut).toEqual({known: 0, held: 0, others: 0, poorer: 0, damaged: 0});
    expect(knowledge).toEqual({
      ...knowing(['a', 'b']),
      inputs: textsOf(['a', 'b', 'c', 'd']),
      answers: tabulate([saying(0.1), saying(0.2), saying(0.8), saying(0.8)], {kind: 'log-probabilities'}, 2),
    });
  });

  it('learns from answers that were bought to serve with permission only, where terms forbid it', async () => {
    const path = await traffic(['c', 'd']);
    const identity = {adapter: 'anthropic', service: 'https://api.anthropic.com'};
    const saved = {...knowing(['a', 'b']), source: {access: teacher.access, identity}};
    await expect(knowledgeWithTraffic(saved, {path, held: []})).rejects.toThrow('`--i-have-permission`');
    expect(await knowledgeWithTraffic(saved, {path, held: [], hasPermission: true})).toMatchObject({added: 0});
  });

  it('lets none of the traffic calibrate, whatever is divided after', async () => {
    const path = await traffic(['c', 'd']);
    const method = {method: 'soft'};
    // Two answers without a disagreement prove it: at half of them, four would be divided, two may not be.
    const recipe = settingApart({agreement: 0.2, share: 0.5});
    const apart = inputsApart(recipe, method, knowing(['a', 'b']));
    const {knowledge} = await knowledgeWithTraffic(knowing(['a', 'b']), {path, held: [], ...apart});
    expect(apart.calibrationInputs).toEqual([]);
    expect(inputsApart(recipe, method, knowledge)).toEqual({calibrationInputs: [], unanswered: 0});
    const set = {...knowing(['a', 'b']), calibrationInputs: [1]};
    expect((await knowledgeWithTraffic(set, {path, held: []})).knowledge.calibrationInputs).toEqual([1]);
  });

  it('takes each text once, and none that is held for measurement', async () => {
    const path = await traffic(['a', 'c', 'tested', 'validated']);
    await appendFile(path, writeTraffic({...line, text: 'c', answer: saying(0.9)}));
    const held = [textsOf(['validated']), textsOf(['tested'])];
    const {knowledge, added, leftOut} = await knowledgeWithTraffic(knowing(['a', 'b']), {path, held});
    expect(added).toBe(1);
    expect(leftOut).toMatchObject({known: 2, held: 2});
    expect((knowledge as Knowledge).inputs).toEqual(textsOf(['a', 'b', 'c']));
  });

  it('leaves out what another teacher said, or one with its classes in another order', async () => {
    const path = await traffic(['c']);
    for (const changes of [
      {teacher: {...teacher, identity: {adapter: 'far', prompt: 'Sort it well.'}}, classes},
      {teacher, classes: ['spam', 'ham']},
    ]) {
      const other = await TrafficLog.open(path, {maxBytes: 1e6, onEnd: () => {}, ...changes});
      other.add({
        query: {input: {kind: 'text', text: 'd'}},
        answer: saying(0.9),
        student: saying(0.4),
        why: 'audit',
      });
      await other.close();
    }
    const saved = knowing(['a']);
    const {knowledge, added, leftOut} = await knowledgeWithTraffic(saved, {path, held: []});
    expect({added, others: leftOut.others}).toEqual({added: 1, others: 2});
    expect((knowledge as Knowledge).inputs).toEqual(textsOf(['a', 'c']));
  });

  it('coarsens fuller answers and leaves poorer ones out', async () => {
    const path = await traffic(['c']);
    const labels = await knowledgeWithTraffic(knowing(['a'], {kind: 'label'}), {path, held: []});
    expect((labels.knowledge as Knowledge).answers).toEqual({kind: 'label', count: 2, labels: Int32Array.of(1, 0)});
    const poor = await traffic(['c'], {}, {kind: 'label', label: 1});
    const saved = knowing(['a']);
    expect(await knowledgeWithTraffic(saved, {path: poor, held: []})).toMatchObject({
      knowledge: saved,
      added: 0,
      leftOut: {poorer: 1},
    });
    const few: Answer = {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: Float32Array.of(-0.1), rest: 0.1};
    const named = await traffic(['c'], {}, few);
    const topK = await knowledgeWithTraffic(knowing(['a'], {kind: 'top-k', k: 2}), {path: named, held: []});
    expect(topK.added).toBe(1);
  });

  it('counts damaged lines, and those that speak of classes that are not there', async () => {
    const path = await traffic(['c']);
    await appendFile(path, '{"at":\n');
    await appendFile(path, writeTraffic({...line, text: 'd', answer: {kind: 'label', label: 2}}));
    const {added, leftOut} = await knowledgeWithTraffic(knowing(['a']), {path, held: []});
    expect({added, damaged: leftOut.damaged}).toEqual({added: 1, damaged: 2});
  });

  it('joins knowledge that is read row by row', async () => {
    const path = await traffic(['c', 'd']);
    const file = join(await newFolder('knowledge'), 'gray-box.safetensors');
    await saveKnowledge(file, knowing(['a', 'b']));
    const stored = await openKnowledge(file);
    const {knowledge} = await knowledgeWithTraffic(stored, {path, held: []});
    const joined = knowledge as StoredKnowledge;
    expect(joined.count).toBe(4);
    expect(await joined.readInputs([3, 0, 2, 1])).toEqual(textsOf(['d', 'a', 'c', 'b']));
    const answers = [saying(0.8), saying(0.1), saying(0.2)];
    expect(await joined.readAnswers([2, 0, 1])).toEqual(tabulate(answers, {kind: 'log-probabilities'}, 2));
    await joined.close();
    await expect(stored.readInputs([0])).rejects.toThrow();
  });

  it('refuses a file that is not there, true labels, and knowledge about tensors', async () => {
    const path = await traffic(['c']);
    const saved = knowing(['a']);
    await expect(knowledgeWithTraffic(saved, {path: `${path}.gone`, held: []})).rejects.toThrow(InputError);
    const truth = {...saved, source: {access: 'truth', identity: {}}} as const;
    await expect(knowledgeWithTraffic(truth, {path, held: []})).rejects.toThrow('learns from true labels');
    const inputs: Inputs = {kind: 'tensor', dtype: 'uint8', shape: [1], count: 1, data: Uint8Array.of(1)};
    await expect(knowledgeWithTraffic({...saved, inputs}, {path, held: []})).rejects.toThrow('about tensors');
    await writeFile(path, 'anything else\n');
    expect(await knowledgeWithTraffic(saved, {path, held: []})).toMatchObject({added: 0, leftOut: {damaged: 1}});
  });
});

const line = {at: '2026-11-25T12:00:00.000Z', why: 'unsure', text: 'a', label: 'ham', student: 'spam'} as const;

describe('describeTraffic', () => {
  it('says what came of it, and why the rest did not', () => {
    const leftOut = {known: 3, held: 0, others: 2, poorer: 0, damaged: 0};
    expect(describeTraffic('t.jsonl', {added: 5, leftOut})).toBe(
      '5 texts of t.jsonl join the knowledge; left out: 3 known already, 2 answered by another teacher.',
    );
    expect(describeTraffic('t', {added: 1, leftOut: {known: 0, held: 0, others: 0, poorer: 0, damaged: 0}})).toBe(
      '1 texts of t join the knowledge.',
    );
  });
});
