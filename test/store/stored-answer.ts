import type {StoredAnswer} from '../../src/store/store.ts';
import {digestQuery} from '../../src/store/stored-answer.ts';

/** A record with these logits and otherwise made-up contents. */
export function storedAnswer(logits: Float32Array): StoredAnswer {
  return {
    format: 1,
    teacher: {name: 'a teacher', identity: {service: 'made up', version: 1}},
    question: digestQuery({input: {kind: 'text', text: 'a question'}}),
    detail: {kind: 'logits'},
    answer: {kind: 'logits', logits, features: {}},
    storedAt: '2026-01-02T03:04:05.678Z',
  };
}
