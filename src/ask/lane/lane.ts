import type {Access, Question} from '../../teacher.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {LaneCall, type LaneCallOptions} from './lane-call.ts';

/**
 * Asks by the batch lane of a service. Batches that earlier runs handed over are collected. Of what is left the first
 * question goes ahead by itself, so that a wrong key or model is known at once and the service has the prompt in its
 * cache; the others are handed over. What fails and may succeed is handed over again, alone.
 *
 * @param kept - keeps what `batchTeacher` finds, with the layers in between; its questions are different ones
 */
export function withLane<A extends Access>(kept: LayeredTeacher<A>, options: LaneCallOptions): LayeredTeacher<A> {
  const ask = (questions: readonly Question[], askOptions: LayerOptions = {}) =>
    new LaneCall(kept, options, questions, askOptions).run();
  return layerOver(kept, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY});
}
