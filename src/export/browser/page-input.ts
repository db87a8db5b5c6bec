import type {PickedFile} from './dom.ts';

/** The kind of input that the page offers. */
export type PageForm = 'text' | 'record' | 'image' | 'numbers';

/** The part of the page that takes inputs. */
export interface PageInput {
  /** Takes a file that was picked, dropped or pasted. */
  takeFile(file: PickedFile): Promise<void>;
}

/** Asks the student about an input and shows its answer. Given `undefined`, shows that there is none. */
export type Ask = (input: string | ArrayLike<number> | undefined) => Promise<void>;

/** The id of an element that shows the answer of a head. The first one's has no number. */
export function answerId(part: 'verdict' | 'bars', head: number): string {
  return head === 0 ? part : `${part}-${head}`;
}
