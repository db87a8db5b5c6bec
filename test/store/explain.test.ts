import {describe, expect, it} from 'vitest';
import type {Question} from '../../src/question.ts';
import {predicate} from '../../src/questions.ts';
import {describeDifferences, explainMiss} from '../../src/store/explain.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {digestKey, digestQuery} from '../../src/store/stored-answer.ts';
import type {Teacher} from '../../src/teacher.ts';

const digest = (text: string, view = 0) => digestQuery({input: {kind: 'text', text}, view});

/** A store that holds answers of these teachers about these texts. */
async function holding(...kept: readonly (readonly [Teacher['identity'], string])[]) {
  const store = openAnswerStore({store: new Map()});
  for (const [identity, text] of kept) {
    const query = digest(text);
    const teacher = {name: 'a fake', identity};
    const answer = {kind: 'label', label: 0} as const;
    const key = digestKey(identity, query);
    await store.set(key, {format: 1, teacher, question: query, detail: {kind: 'label'}, answer, storedAt: ''});
  }
  return store;
}

describe('explainMiss', () => {
  it('names the kept answer about the same input, and every field in which it differs', async () => {
    const old = {model: 'a', prompt: {system: 'Sort.', classes: ['x', 'y']}};
    const store = await holding([{model: 'b', prompt: {system: 'Sort.'}}, 'other'], [old, 'same']);
    const asked = {model: 'a', prompt: {system: 'Sort!', classes: ['x', 'y', 'z']}};
    const nearest = await explainMiss(store, asked, digest('same'));
    expect(nearest).toEqual({
      key: digestKey(old, digest('same')),
      differences: [
        {field: 'identity.prompt.system', kept: 'Sort.', asked: 'Sort!'},
        {field: 'identity.prompt.classes.2', kept: undefined, asked: 'z'},
      ],
    });
    expect(describeDifferences(nearest!.differences)).toBe(
      'identity.prompt.system is "Sort!" and was "Sort."; identity.prompt.classes.2 is "z" and was absent',
    );
  });

  it('takes the same teacher about another input if the input is new', async () => {
    const store = await holding([{model: 'a'}, 'one'], [{model: 'b', seed: 1}, 'two']);
    const nearest = await explainMiss(store, {model: 'a'}, digest('three', 5));
    expect(nearest?.key).toBe(digestKey({model: 'a'}, digest('one')));
    expect(nearest?.differences.map(({field}) => field).sort()).toEqual(['bytes', 'view']);
  });

  it('shows where long texts differ, and not all of them', async () => {
    const prompt = `${'Sort these texts into classes. '.repeat(300)}Answer with a code.`;
    const other = prompt.replace('a code', 'a name');
    const store = await holding([{prompt: other, list: Array.from({length: 9}, (_, index) => index)}, 'same']);
    const {differences} = (await explainMiss(store, {prompt, list: []}, digest('same')))!;
    expect(describeDifferences(differences)).toBe(
      'identity.prompt is "…sses. Answer with a code." and was "…sses. Answer with a name."; ' +
        'identity.list.0 is absent and was 0; identity.list.1 is absent and was 1; ' +
        'identity.list.2 is absent and was 2; identity.list.3 is absent and was 3; and 5 more fields differ',
    );
  });

  it('says that other questions are asked with a question', async () => {
    const [urgent, late] = [predicate('urgent', 'Is it urgent?'), predicate('late', 'Is it late?')];
    const asked = (together?: readonly Question[]) =>
      digestQuery({input: {kind: 'text', text: 'same'}, question: urgent, together});
    const store = openAnswerStore({store: new Map()});
    const teacher = {name: 'a fake', identity: {}};
    const kept = {
      format: 1,
      teacher,
      question: asked(),
      detail: {kind: 'label'},
      answer: {kind: 'label', label: 0},
    } as const;
    await store.set(digestKey({}, asked()), {...kept, storedAt: ''});
    const {differences} = (await explainMiss(store, {}, asked([urgent, late])))!;
    expect(describeDifferences(differences)).toBe('the questions that are asked with it are others');
  });

  it('has nothing to say of an empty store', async () => {
    expect(await explainMiss(await holding(), {model: 'a'}, digest('one'))).toBeUndefined();
  });
});
