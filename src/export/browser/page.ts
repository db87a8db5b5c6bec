import {answerView} from './answer.ts';
import {element, type Field, type PickedFile, page, type TransferEvent} from './dom.ts';
import {imageInput} from './image-input.ts';
import type {Ask, PageForm, PageInput} from './page-input.ts';
import type {ImageShape} from './pixels.ts';
import type {BrowserStudent, openStudent, StudentData} from './student.ts';
import {numbersInput, textInput} from './typed-input.ts';

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
  const view = answerView(student.classes, limbeckStudent.description.calibration?.threshold);
  let turn = 0;
  return async input => {
    const own = ++turn;
    element('failure').hidden = true;
    if (input === undefined) return view.clear();
    try {
      const prediction = await student.classify(input);
      // A person who types fast gets only the last answer.
      if (own === turn) view.show(prediction);
    } catch (error) {
      view.clear();
      fail(error);
    }
  };
}

const INPUTS: Readonly<Record<PageForm, (ask: Ask) => PageInput>> = {
  text: ask => textInput(ask, limbeckStudent.description.reading?.length ?? 0),
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
  await student.classify(
    reading ? '' : new Float32Array(inputShape.reduce<number>((size, length) => size * (length ?? 1), 1)),
  );
  takeFiles(INPUTS[form](askingOf(student)), form);
  page.body.dataset['ready'] = 'yes';
}

start().catch(fail);
