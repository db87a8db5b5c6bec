/**
 * The parts of a browser that the page uses. The program is for Node and has no types of browsers, so these few are
 * declared here.
 */
export interface Element {
  textContent: string;
  className: string;
  hidden: boolean;
  readonly style: {width: string};
  append(...parts: readonly (Element | string)[]): void;
  replaceChildren(...parts: readonly Element[]): void;
  setAttribute(name: string, value: string): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
}

export interface Event {
  preventDefault(): void;
}

export interface Field extends Element {
  value: string;
  readonly checked: boolean;
  readonly files: Files | null;
}

export interface TransferEvent extends Event {
  readonly dataTransfer: Transfer | null;
  readonly clipboardData: Transfer | null;
}

interface Transfer {
  readonly files: Files;
}

type Files = ArrayLike<PickedFile>;

export interface PickedFile {
  readonly name: string;
  readonly type: string;
  text(): Promise<string>;
}

export interface PointerEvent extends Event {
  readonly pointerId: number;
  readonly offsetX: number;
  readonly offsetY: number;
}

export interface Canvas extends Element {
  width: number;
  height: number;
  readonly clientWidth: number;
  readonly clientHeight: number;
  getContext(kind: '2d', options: {readonly willReadFrequently: boolean}): Drawing;
  setPointerCapture(pointer: number): void;
}

export interface Drawing {
  fillStyle: string;
  strokeStyle: string;
  lineWidth: number;
  lineCap: string;
  fillRect(x: number, y: number, width: number, height: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  stroke(): void;
  drawImage(picture: Bitmap, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): ImageData;
  createImageData(width: number, height: number): ImageData;
  putImageData(pixels: ImageData, x: number, y: number): void;
}

interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

interface ImageData {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

interface Page {
  readonly body: Element & {readonly dataset: Record<string, string | undefined>};
  createElement(tag: string): Element;
  getElementById(id: string): Element | null;
  addEventListener: Element['addEventListener'];
}

declare const document: Page;
declare const createImageBitmap: (file: PickedFile) => Promise<Bitmap>;

export const page: Pick<Page, 'body' | 'addEventListener'> = document;

/** The element with an id. The document must have it. */
export function element<T extends Element = Element>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element ${id}.`);
  return found as T;
}

/** A new element. */
export function make(tag: string, className = '', text = ''): Element {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.textContent = text;
  return made;
}

/** The drawing context of a canvas, for frequent reading of its pixels. */
export function drawingOn(canvas: Canvas): Drawing {
  return canvas.getContext('2d', {willReadFrequently: true});
}

/** The pixels of a picture in a file. */
export async function pixelsOf(file: PickedFile): Promise<ImageData> {
  const picture = await createImageBitmap(file);
  const {width, height} = picture;
  const canvas = make('canvas') as Canvas;
  canvas.width = width;
  canvas.height = height;
  const drawing = drawingOn(canvas);
  drawing.drawImage(picture, 0, 0);
  picture.close();
  return drawing.getImageData(0, 0, width, height);
}
