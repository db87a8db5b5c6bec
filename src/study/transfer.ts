import {type Split, type TransferSet, transferSet, type Unlabelled} from '../data/split.ts';
import {versionsOf} from '../data/versions.ts';
import {countedViews} from '../recipe/counted-views.ts';
import type {Inquiry} from './inquiries.ts';

/** What an inquiry is about: the inputs that were drawn, or the versions of them that its method learns from. */
export function transferOf({own}: Pick<Inquiry, 'own'>, drawn: Split<'train'> | Unlabelled<'train'>): TransferSet {
  const transfer = transferSet(drawn);
  const views = own && countedViews(own);
  return views ? {...transfer, ...versionsOf(drawn.inputs, views)} : transfer;
}
