import {describe, expect, it} from 'vitest';
import {offline} from '../../src/ask/offline.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {answerKey} from '../../src/knowledge/key.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';

describe('offline', () => {
  it('refuses each question for itself, with its key and what to do, and asks nobody', async () => {
    const teacher = fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}}, numbers =>
      numbers.map(labelled),
    );
    const refused = offline(teacher);
    expect(refused).toMatchObject({name: 'a fake', identity: teacher.identity, access: 'black-box', maxBatch: 2});
    const questions = about(1, 2);
    const messages = questions.map(
      question =>
        `No answer is kept under key ${answerKey(teacher.identity, question)}, and offline none is bought. ` +
        'Run once without `--offline`.',
    );
    expect(await refused.ask(questions)).toEqual(messages.map(message => ({error: new KnowledgeError(message)})));
    expect(teacher.calls).toEqual([]);
  });
});
