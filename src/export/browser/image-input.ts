import {type Canvas, drawingOn, element, type Field, type PointerEvent, pixelsOf} from './dom.ts';
import type {Ask, PageInput} from './page-input.ts';
import {bytesOf, type ImageShape, type Pixels, pictureOf} from './pixels.ts';

/** Pictures from files. A student without colours also gets drawings by hand. */
export function imageInput(ask: Ask, shape: ImageShape): PageInput {
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
