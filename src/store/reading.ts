import {stringify} from 'safe-stable-stringify';
import type {Json} from '../teacher.ts';

/** What reads replies, see `Service.reader`; undefined of an answer that was not read from one. */
export type Reader = Json | undefined;

/** Whether two readers give the same answer to the same reply. */
export function readAlike(one: Reader, other: Reader): boolean {
  if (one === other || one === undefined || other === undefined) return true;
  return stringify(one) === stringify(other);
}
