import {lengthRead, type Reading, readsTexts} from '../../data/reading.ts';
import type {StudentDescription} from '../../student/description.ts';
import {headsOf} from '../../student/head-columns.ts';
import {answerView} from './answer.ts';
import {
  type Canvas,
  drawingOn,
  element,
  type Field,
  type PickedFile,
  type PointerEvent,
  page,
  pixelsOf,
  type TransferEvent,
} from './dom.ts';
import type {Ask, PageForm, PageInput} from './page-input.ts';
import {bytesOf, type ImageShape, type Pixels, pictureOf} from './pixels.ts';
import type {BrowserStudent, openStudent, StudentData} from './student.ts';

// The globals of the scripts before this one, `student.js` and `student-data.js`.
const {limbeck, limbeckStudent} = globalThis as unknown as {
  readonly limbeck: {readonly openStudent: typeof openStudent};
  readonly limbeckStudent: StudentData;
};

function fail(error: unknown): void {
  element('failure').hidden = false;
  element('failure').textContent = error instanceof Error ? error.message : String(error);
}

function askingOf(student: BrowserStudent): Ask {
  const view = answerView(headsOf(limbeckStudent.description));
  let turn = 0;
  return async input => {
    const own = ++turn;
    element('failure').hidden = true;
    if (input === undefined) return view.clear();
    try {
      const predictions = await student.classifyAll(input);
      // A person who types fast gets only the last answer.
      if (own === turn) view.show(predictions);
    } catch (error) {
      view.clear();
      fail(error);
    }
  };
}

const INPUTS: Readonly<Record<PageForm, (ask: Ask) => PageInput>> = {
  text: ask => textInput(ask, lengthRead(limbeckStudent.description.reading)),
  record: ask => textInput(ask, Number.POSITIVE_INFINITY),
  numbers: numbersInput,
  image: ask => {
    const [height, width, channels] = limbeckStudent.description.inputShape;
    return imageInput(ask, {height, width, channels} as ImageShape);
  },
};

/** Takes files that are picked, dropped anywhere on the page, or pasted. */
function takeFiles({takeFile}: PageInput, form: PageForm): void {
  const take = (file: PickedFile | undefined) => {
    if (file !== undefined) takeFile(file).catch(fail);
  };
  const picker = element<Field>('file');
  picker.addEventListener('change', () => {
    take(picker.files?.[0]);
    // The value is cleared, so that the same file can be picked again.
    picker.value = '';
  });
  page.addEventListener('dragover', event => event.preventDefault());
  page.addEventListener('drop', event => {
    const {dataTransfer} = event as TransferEvent;
    const file = dataTransfer?.files[0];
    // The browser itself puts dropped words into the field.
    if (file === undefined && form !== 'image') return;
    event.preventDefault();
    take(file);
  });
  page.addEventListener('paste', event => take((event as TransferEvent).clipboardData?.files[0]));
}

async function start(): Promise<void> {
  const form = page.body.dataset['form'] as PageForm;
  const student = await limbeck.openStudent();
  const {inputShape, reading} = limbeckStudent.description;
  // The first answer takes longer, because the engine warms up. It is not shown.
  await student.classifyAll(exampleFor(reading, inputShape));
  takeFiles(INPUTS[form](askingOf(student)), form);
  page.body.dataset['ready'] = 'yes';
}

function exampleFor(reading: Reading | undefined, shape: StudentDescription['inputShape']): string | Float32Array {
  if (reading?.kind === 'record') return JSON.stringify({[reading.columns[0]!.name]: null});
  if (readsTexts(reading)) return '';
  return new Float32Array(shape.reduce<number>((size, length) => size * (length ?? 1), 1));
}

start().catch(fail);

/**
 * Texts, typed or from a file.
 *
 * @param length - most characters that are read of a text
 */
function textInput(ask: Ask, length: number): PageInput {
  return typedInput(typed => ask(typed === '' ? undefined : typed), length);
}

/** Numbers, as JSON or with spaces or commas between them. */
function numbersInput(ask: Ask): PageInput {
  return typedInput(typed => {
    const words = typed.split(/[\s,;[\]]+/).filter(word => word !== '');
    return ask(words.length === 0 ? undefined : words.map(Number));
  });
}

function typedInput(take: (typed: string) => Promise<void>, length = Number.POSITIVE_INFINITY): PageInput {
  const field = element<Field>('typed');
  field.addEventListener('input', () => void take(field.value));
  // A browser can keep typed text when the page is loaded again.
  void take(field.value);
  return {
    async takeFile(file) {
      field.value = (await file.text()).slice(0, length);
      await take(field.value);
    },
  };
}

/** Pictures from files. A student without colours also gets drawings by hand. */
function imageInput(ask: Ask, shape: ImageShape): PageInput {
  const invert = element<Field>('invert');
  const seen = element<Canvas>('seen');
  let pixels: Pixels | undefined;
  const take = (given: Pixels | undefined): Promise<void> => {
    pixels = given;
    const bytes = given && bytesOf(given, shape, invert.checked);
    showBytes(seen, bytes ?? new Uint8Array(shape.height * shape.width * shape.channels), shape);
    return ask(bytes);
  };
  invert.addEventListener('change', () => void take(pixels));
  const clear = shape.channels === 1 ? drawnInput(element<Canvas>('drawn'), take) : () => {};
  element('clear').addEventListener('click', () => {
    clear();
    void take(undefined);
  });
  void take(undefined);
  return {
    async takeFile(file) {
      const found = await pixelsOf(file).catch(() => {
        throw new Error(`${file.name} is not a picture that this browser can read.`);
      });
      clear();
      await take(found);
    },
  };
}

function showBytes(canvas: Canvas, bytes: Uint8Array, shape: ImageShape): void {
  const drawing = drawingOn(canvas);
  const picture = drawing.createImageData(shape.width, shape.height);
  picture.data.set(pictureOf(bytes, shape));
  drawing.putImageData(picture, 0, 0);
}

/** A stroke's width as a share of the canvas, as in the digits of MNIST. */
const STROKE = 0.08;

/**
 * Lets people draw, in white on black.
 *
 * @returns a function that clears the drawing
 */
function drawnInput(canvas: Canvas, take: (pixels: Pixels) => Promise<void>): () => void {
  const drawing = drawingOn(canvas);
  let isDown = false;
  const clear = () => {
    drawing.fillStyle = 'black';
    drawing.fillRect(0, 0, canvas.width, canvas.height);
  };
  const locationOf = ({offsetX, offsetY}: PointerEvent): [x: number, y: number] => [
    (offsetX * canvas.width) / canvas.clientWidth,
    (offsetY * canvas.height) / canvas.clientHeight,
  ];
  const on = (type: string, listen: (event: PointerEvent) => void) =>
    canvas.addEventListener(type, event => listen(event as PointerEvent));
  const draw = (event: PointerEvent) => {
    drawing.lineTo(...locationOf(event));
    drawing.stroke();
    void take(drawing.getImageData(0, 0, canvas.width, canvas.height));
  };
  on('pointerdown', event => {
    isDown = true;
    canvas.setPointerCapture(event.pointerId);
    drawing.strokeStyle = 'white';
    drawing.lineWidth = STROKE * canvas.width;
    drawing.lineCap = 'round';
    drawing.beginPath();
    drawing.moveTo(...locationOf(event));
    draw(event);
  });
  on('pointermove', event => {
    if (isDown) draw(event);
  });
  const lift = () => {
    isDown = false;
  };
  on('pointerup', lift);
  on('pointercancel', lift);
  clear();
  return clear;
}
