import type {PickedFile} from './dom.ts';

/** How a student is asked on the page. */
export type PageForm = 'text' | 'image' | 'numbers';

/** The part of the page that a student is asked by. */
export interface PageInput {
  /** Takes a file that was picked, dropped or pasted. */
  takeFile(file: PickedFile): Promise<void>;
}

/** Asks the student about an input and shows its answer; of `undefined`, that there is none. */
export type Ask = (input: string | ArrayLike<number> | undefined) => Promise<void>;
