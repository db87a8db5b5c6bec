import {parseHTML} from 'linkedom';
import {describe, expect, it} from 'vitest';
import type {MethodSelection} from '../../src/study/methods.ts';
import {html, jsonScript, trusted} from '../../src/study/report/html.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {spread} from '../../src/study/report/spread.ts';
import {summarise} from '../../src/study/report/summary.ts';
import type {Comparison, MethodResult, Results} from '../../src/study/results.ts';
import {sampleResults, usualMethods, withUnderfitted} from './sample-results.ts';

const [trueLabels, labels, topThree, logProbabilities] = usualMethods;

/** As much of the DOM as these tests look at. */
interface Node {
  readonly textContent: string;
  readonly length: number;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): readonly Node[];
}

describe('renderReport', () => {
  it('is the same for the same results', () => {
    expect(renderReport(sampleResults())).toBe(renderReport(sampleResults()));
  });

  it('refers to nothing outside of itself', () => {
    const text = renderReport(sampleResults());
    expect(text).not.toMatch(/https?:|url\(|@import|<img|<link(?! rel="icon" href="data:,">)|\ssrc=/);
    expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`);
    const targets = [...parsed(sampleResults()).querySelectorAll('a')].map(link => link.getAttribute('href'));
    expect(targets.every(target => /^(#|data:text\/csv;charset=utf-8,)/.test(target!))).toBe(true);
  });

  it('carries its results as JSON', () => {
    const results = sampleResults();
    const embedded = parsed(results).querySelector('script')!;
    expect(embedded.getAttribute('type')).toBe('application/json');
    expect(JSON.parse(embedded.textContent)).toEqual(JSON.parse(JSON.stringify(results)));
  });

  it('escapes whatever comes from results', () => {
    const name = '<script>alert(1)</script><!--"\'&amp;';
    const plain = sampleResults({
      classes: [name, 'b', 'c'],
      methods: usualMethods.map(method => ({...method, method: name + method.method, description: name})),
    });
    const text = renderReport({
      ...plain,
      name,
      teacher: {...plain.teacher, name},
      students: [{name, parameters: 1, layers: [name]}],
    });
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).not.toContain('<!--');
    const page = parseHTML(text).document as unknown as Node;
    expect(page.querySelector('h1')!.textContent).toBe(name);
    expect(page.querySelector('#relation rect title')!.textContent).toContain(`true ${name}, mass on ${name}`);
  });

  it('shows what each student promises in a cascade, and what became of the test split', () => {
    const results = sampleResults();
    expect(parsed(results).querySelector('#cascades')).toBeNull();
    const guarantee = {
      agreement: 0.97,
      confidence: 0.95,
      answers: 208,
      disagreements: 2,
      localShare: 0.5,
      bound: 0.02995,
    };
    const cascade = {localShare: 0.52, agreement: 0.9817, interval: [0.9788, 0.9843], inputs: 10_000} as const;
    const rows = results.rows.map((row, index) =>
      index === 3
        ? {...row, cascade: {...cascade, threshold: 0.8765, guarantee}}
        : index === 4
          ? {...row, cascade: {...cascade, agreement: 0.96, threshold: 2, guarantee: {...guarantee, localShare: 0}}}
          : row,
    );
    const cells = [...parsed({...results, rows}).querySelectorAll('#cascades tbody tr')].map(row =>
      [...row.querySelectorAll('td')].map(({textContent}) => textContent),
    );
    expect(cells[0]!.slice(1)).toEqual([
      '97.00with 95\u00a0%',
      '0.8765',
      '50.0',
      '99.0497.00 of 208',
      '52.0',
      '98.1797.88 to 98.43',
      'kept',
    ]);
    expect(cells[1]!.slice(1)).toContain('missed');
    expect(cells[1]![2]).toBe('–');
  });

  it('says which of several students the runs chose, and by what', () => {
    const plain = sampleResults();
    const candidates = [
      {name: 'hashed_ngrams', parameters: 524_386, agreement: 0.976},
      {name: 'subword_cnn', parameters: 274_850, agreement: 0.962},
    ];
    const students = candidates.map(({name, parameters}) => ({name, parameters, layers: ['dense 2']}));
    const rows = plain.rows.map(row => ({...row, choice: {chosen: row.seed === 2 ? 1 : 0, candidates}}));
    const text = parsed({...plain, students, rows}).querySelector('#making')!.textContent;
    expect(text).toContain(
      'hashed_ngrams (524,386 parameters) 97.60\u00a0%, chosen by 2 of 3 runs; subword_cnn (274,850 parameters) 96.20\u00a0%, chosen by 1 of 3 runs.',
    );
    expect(text).toContain('Student subword_cnn');
    expect(parsed(plain).querySelector('#making')!.textContent).not.toContain('cross-validation');
  });

  it('links to every section that it has', () => {
    const page = parsed(sampleResults());
    const ids = [...page.querySelectorAll('section')].map(section => `#${section.getAttribute('id')}`);
    expect(ids).toHaveLength(11);
    expect([...page.querySelectorAll('nav a')].map(link => link.getAttribute('href'))).toEqual(ids);
  });

  it('gives every seed a dot and every method one colour in all figures', () => {
    const page = parsed(sampleResults());
    const titles = [...page.querySelectorAll('#figure-accuracy circle title')].map(title => title.textContent);
    expect(titles).toHaveLength(2 * 5 * 3);
    expect(titles.filter(title => title.startsWith('top-3 with rest, seed 2: '))).toHaveLength(2);
    for (const id of ['figure-learning', 'figure-reliability', 'figure-entropy', 'figure-relation']) {
      const panel = [...page.querySelectorAll(`#${id} .panel-title`)].find(
        ({textContent}) => textContent === 'labels',
      )!;
      expect(panel.querySelector('.swatch')!.getAttribute('style')).toBe('background: var(--method-1)');
    }
  });

  it('draws hard labels as one bar of all targets at no entropy', () => {
    const page = parsed(sampleResults({methods: [labels!]}));
    const titles = [...page.querySelectorAll('#figure-entropy .panel:last-child rect title')].map(t => t.textContent);
    expect(titles[0]).toBe('entropy 0 to 5 %: 2,000 targets, 100.0 %');
    expect(titles.slice(1).every(title => title.endsWith(': 0 targets, 0.0 %'))).toBe(true);
  });

  it('says of each of the four effects what its number means here', () => {
    const sentences = (results: Results) =>
      [...parsed(results).querySelectorAll('#targets li')].map(({textContent}) => plain(textContent));
    const [smoothing, targets, variance, relation] = sentences(sampleResults({methods: [labels!, logProbabilities!]}));
    expect(smoothing).toMatch(
      /^Label smoothing\. The targets of “log-probabilities, T=4” put 29\.5 % of the mass off the top class, those of “labels” 0\.0 %\. Its students are less sure of their answers, as its targets tell them: mean entropy 0\.33\d nats against 0\.21\d\.$/,
    );
    expect(targets).toMatch(/^Continuous targets\. 100\.0 % of the targets .* of “labels” 0\.0 % do\.$/);
    expect(variance).toMatch(
      /differ less with “log-probabilities, T=4” than with “labels”: a variance of 0\.0528 against 0\.0620, 15 % less\.$/,
    );
    expect(relation).toMatch(/are nearer to the teacher .*: correlation 0\.9\d\d against 0\.\d{3}\.$/);
    const two = sampleResults({classes: ['ham', 'spam'], methods: [labels!, logProbabilities!]});
    expect(sentences(two)[3]).toBe('Inter-class relation. With two classes there is no pattern of which are alike.');
    expect(sentences(sampleResults({methods: [labels!]}))).toEqual([]);
  });

  it('draws the trials of a method that was tuned, the chosen setting filled', () => {
    const plainResults = sampleResults();
    expect(parsed(plainResults).querySelector('#tuning')).toBeNull();
    const trial = (setting: number, epochs: number, score: number | null) => ({setting, epochs, score, curve: []});
    const tuning = {
      judgedBy: 'validation accuracy',
      terms: ['softLabels', 'hardLabels'],
      chosen: 1,
      settings: [1, 4, 20].map(temperature => ({temperature, weights: [1, 0.3]})),
      trials: [trial(0, 7, 0.88), trial(1, 7, 0.87), trial(2, 7, null), trial(1, 21, 0.93)],
    } as const;
    const methods = plainResults.methods.map((method, index) => (index === 3 ? {...method, tuning} : method));
    const section = parsed({...plainResults, methods}).querySelector('#tuning')!;
    const titles = [...section.querySelectorAll('circle title')].map(({textContent}) => plain(textContent));
    expect(titles).toEqual([
      'T = 1, λ = 0.3, 7 epochs: 88.00 %',
      'T = 4, λ = 0.3, 7 epochs: 87.00 %',
      'T = 4, λ = 0.3, 21 epochs: 93.00 %',
    ]);
    expect(plain(section.querySelector('desc')!.textContent)).toBe(
      'T = 1, λ = 0.3: 88.00 %, 7 epochs. T = 4, λ = 0.3: chosen: 93.00 %, 21 epochs. T = 20, λ = 0.3: came to nothing.',
    );
    expect(section.querySelectorAll('tbody tr')).toHaveLength(4);
  });

  it('draws the rounds of a method that chose its inputs, with what they came to in words', () => {
    const plainResults = sampleResults();
    expect(parsed(plainResults).querySelector('#selection')).toBeNull();
    const gain = {calls: 100, gain: 0.004, interval: [0.001, 0.009], curve: {floor: 0, scale: 1, rate: 0.5}} as const;
    const selection: MethodSelection = {
      by: 'margin',
      rounds: [
        {round: 1, answers: 250, held: 100, agreement: {share: 0.8, interval: [0.71, 0.87]}},
        {round: 2, answers: 500, held: 100, agreement: {share: 0.9, interval: [0.83, 0.94]}, gain, stopped: 'most'},
      ],
    };
    const methods = plainResults.methods.map((method, index) => (index === 1 ? {...method, selection} : method));
    const section = parsed({...plainResults, methods}).querySelector('#selection')!;
    expect(plain(section.querySelector('p')!.textContent)).toBe(
      'labels chose its inputs by margin. It ended after 2 rounds with 500 answers: as many inputs as were allowed have been asked about. The next 100 calls were expected to buy +0.40 points (95 % interval +0.10 to +0.90).',
    );
    const titles = [...section.querySelectorAll('circle title')].map(({textContent}) => plain(textContent));
    expect(titles).toEqual([
      'labels, round 1: 250 answers, 80.00 % (71.00 % to 87.00 %)',
      'labels, round 2: 500 answers, 90.00 % (83.00 % to 94.00 %)',
    ]);
    const rows = [...section.querySelectorAll('tbody tr')].map(({textContent}) => textContent);
    expect(rows).toEqual(['labels1250100807187–––', 'labels25001009083940.40000.10000.9000']);
  });

  it('leaves the diagonal out of the shades of a class relation', () => {
    const relation = [
      [0.9, 0.02, 0.08],
      [0.05, 0.9, 0.05],
      [0.02, 0.08, 0.9],
    ];
    const page = parsed({...sampleResults({classes: ['a', 'b', 'c'], methods: [labels!]}), teacherRelation: relation});
    const cells = [...page.querySelectorAll('#figure-relation .panel:first-child .map-cell')];
    expect(cells.map(cell => cell.getAttribute('fill-opacity'))).toEqual(['0', '1', '0.5', '0.5', '0', '1']);
    expect(page.querySelector('#figure-relation .panel:first-child .panel-note')!.textContent).toBe('2.08.0\u00a0%');
  });

  it('names classes up to 25 and draws more as a few paths', () => {
    const names = (count: number): readonly string[] => Array.from({length: count}, (_, index) => `c${index}`);
    const map = (count: number): Node =>
      parsed(sampleResults({classes: names(count), methods: [labels!]})).querySelector('#figure-relation .panel svg')!;
    expect(map(25).querySelectorAll('text')).toHaveLength(50);
    expect(map(25).querySelectorAll('.map-cell')).toHaveLength(25 * 24);
    expect(map(26).querySelectorAll('text')).toHaveLength(0);
    expect(map(26).querySelectorAll('path').length).toBeLessThan(20);
  });

  it('shows each method by class: a map of its confusions, and a table that is folded away', () => {
    const page = parsed(sampleResults());
    const [first] = [...page.querySelectorAll('#figure-confusion .panel')];
    const titles = [...first!.querySelectorAll('.map-cell title')].map(({textContent}) => textContent);
    expect(titles).toHaveLength(90);
    const most = first!.querySelector('.panel-note')!.textContent.split('most often ')[1]!;
    expect(most).toMatch(/^\d named \d: \d+ of 2,940$/);
    expect(titles).toContain(most);
    const tables = [...page.querySelectorAll('#classes details:not(.data)')];
    expect(tables).toHaveLength(5);
    const [head, ...rows] = [...tables[1]!.querySelectorAll('tr')];
    expect([...head!.querySelectorAll('th')].map(({textContent}) => textContent.slice(0, 6))).toEqual([
      'class',
      'test i',
      'recall',
      'precis',
      'F1%',
      'test i',
      'agreem',
    ]);
    expect(rows).toHaveLength(10);
    expect(parsed(sampleResults({methods: [labels!]})).querySelector('#classes details:not(.data)')).toBeNull();
  });

  it('lists the most frequent confusions of many classes', () => {
    const classes = Array.from({length: 60}, (_, index) => `class ${index}`);
    const page = parsed(sampleResults({classes, methods: [labels!]}));
    expect(page.querySelector('#figure-confusion .map-cell')).toBeNull();
    const items = [...page.querySelectorAll('#figure-confusion li')].map(({textContent}) => textContent);
    expect(items).toHaveLength(8);
    expect(items[0]).toMatch(/^class \d+ named class \d+: \d+$/);
  });

  it('says by class what the teacher names if nobody knows the true classes', () => {
    const page = parsed({...sampleResults(), truth: 'teacher'});
    expect(page.querySelector('#figure-confusion figcaption')!.textContent).toContain(
      'a row is the class that the teacher names',
    );
    expect(page.querySelector('#classes table')!.textContent).not.toContain('recall');
  });

  it('marks the threshold that was chosen on the curve of coverage', () => {
    const page = parsed(sampleResults());
    const notes = [...page.querySelectorAll('#figure-coverage .panel-note')].map(({textContent}) => plain(textContent));
    expect(notes[0]).toBe('agreement on the surest 50 %: 98.97 %, 80 %: 95.76 %, 100 %: 91.72 %');
    expect(notes[3]).toMatch(/100 %: 93\.24 %from a confidence of 0\.\d{4} on it answers 74\.0 %, agreement 98\.89 %$/);
    expect(
      page.querySelectorAll('#figure-coverage line[stroke-dasharray], #figure-coverage [stroke-dasharray]').length,
    ).toBe(2);
  });

  it('shows size, speed and price of teachers and students, as far as they are known', () => {
    const [head, ...rows] = [...parsed(sampleResults()).querySelectorAll('#efficiency tr')].map(row =>
      [...row.querySelectorAll('th, td')].map(({textContent}) => plain(textContent)),
    );
    expect(head).toHaveLength(7);
    expect(rows).toHaveLength(7);
    expect(rows[0]).toEqual([
      'the hosted modelblack-box',
      '–',
      '–',
      '41260.6 inputs each',
      '1,390of 33',
      '–',
      '$0.013',
    ]);
    expect(rows[2]!.slice(1)).toEqual(['205 kB', '50,890', '0.214', '0.611of 380', '41,300', '$0.00']);
  });

  it('has none of these sections for results of earlier versions', () => {
    const {teacherEfficiency: _, ...results} = sampleResults();
    const methods = results.methods.map(
      ({confusion: _, classes: __, coverage: ___, efficiency: ____, ...rest}) => rest,
    );
    const page = parsed({...results, methods});
    for (const id of ['#classes', '#coverage', '#efficiency']) expect(page.querySelector(id)).toBeNull();
  });

  it('draws how often the teacher agrees with itself in the plot of agreement', () => {
    const ceiling = {teacher: 'a model', inputs: 100, share: 0.96, interval: [0.9, 0.989], most: 0.98} as const;
    const page = parsed({...sampleResults(), ceiling});
    expect(page.querySelector('#figure-accuracy')!.textContent).toContain('teacher, asked again 96.00');
    expect(plain(page.querySelector('#figure-accuracy figcaption')!.textContent)).toContain(
      'named the same class for 96.00 % (90.00 % to 98.90 %): no student can be expected to agree with it on more than 98.00 %.',
    );
  });

  it('stands one seed, one method and two classes', () => {
    const page = parsed(sampleResults({classes: ['ham', 'spam'], methods: [labels!], seeds: [3]}));
    expect(page.querySelector('#figure-differences')).toBeNull();
    expect(page.querySelector('#numbers')!.textContent).not.toContain('±');
    expect(page.querySelector('#figure-relation figcaption')!.textContent).toContain('whatever the student learned');
  });

  it('gives every comparison in a table, with the confidence of its interval and how many seeds it went by', () => {
    const results = compared(sampleResults({methods: [labels!, topThree!]}), {paired: false, seeds: [2, 3]});
    const rows = [...parsed(results).querySelectorAll('#numbers .scroll')].map(({textContent}) => plain(textContent!));
    expect(rows[1]).toContain('Agreement with the teacher against “labels”');
    expect(rows[1]).toMatch(/top-3 with rest\s*gray-box\s*\+0\.50\+0\.14 to \+0\.8698\.8 %0\.0120\.412, 3better/);
  });

  it('writes a dash for what is not known and leaves out what was not kept', () => {
    const page = parsed(broken(sampleResults()));
    const [head, ...cells] = [...page.querySelectorAll('#numbers .scroll tbody tr')]
      .map(row => [...row.querySelectorAll('th, td')].map(({textContent}) => textContent))
      .find(([name]) => name?.startsWith('labels'))!;
    expect(head).toBe('labelsblack-box');
    expect([cells[0], cells[3]]).toEqual(['–', '–']);
    expect(page.querySelector('#learning')).toBeNull();
    expect(page.querySelector('#figure-relation .empty')!.textContent).toBe('no class relation kept');
    const words = [...page.querySelectorAll('header, main')].map(({textContent}) => textContent).join('');
    expect(words).not.toMatch(/NaN|undefined|null|Infinity/);
    expect([...page.querySelectorAll('svg')].every(svg => !/NaN|Infinity/.test(String(svg)))).toBe(true);
  });
});

describe('summarise', () => {
  it('gives each level its best method, the interval, and what the study can not tell', () => {
    const {headline, levels, cautions} = summarise(sampleResults());
    expect(plain(headline)).toBe(
      '“logits + feature hint” (white-box) agrees with the teacher 1.98 points more often (98.8 % interval +1.62 to +2.34) than “labels”. Its interval overlaps that of gray-box (“log-probabilities, T=4”), so this study does not settle which of the two is closer.',
    );
    expect(levels.map(({level}) => level)).toEqual(['none', 'black-box', 'gray-box', 'white-box']);
    expect(plain(levels[0]!.sentence)).toBe(
      '“true labels” agrees with the teacher on 91.98 % of test inputs and is right on 91.15 %. No difference in agreement from “labels” is shown: −0.09 points (95 % interval −0.45 to +0.27). One of 0.41 points would be found in 4 of 5 such studies.',
    );
    expect(plain(levels[1]!.sentence)).toMatch(/is right on 91\.57 %\. The others are measured against it\.$/);
    expect(levels[2]!.sentence).toMatch(/^“log-probabilities, T=4” agrees/);
    expect(cautions).toHaveLength(2);
  });

  it('says less often where a method is worse, and that intervals lie apart where they do', () => {
    const results = sampleResults({methods: [labels!, topThree!, {...usualMethods[4]!, agreement: 0.95}]});
    expect(summarise(results).headline).toMatch(/Its interval lies above that of gray-box \(“top-3 with rest”\)\.$/);
    const worse = compared(results, {difference: -0.02, interval: [-0.03, -0.01], verdict: 'worse'});
    expect(plain(summarise(worse).levels[1]!.sentence)).toMatch(
      /It agrees 2\.00 points less often \(98\.8 % interval −3\.00 to −1\.00\) than “labels”\.$/,
    );
  });

  it('claims nothing where nothing is shown, compared or known', () => {
    const results = sampleResults({methods: [labels!, topThree!]});
    const open = compared(results, {difference: 0.001, interval: [-0.01, 0.012], verdict: 'no difference shown'});
    expect(summarise(open).headline).toBe('No method is shown to agree with the teacher more often than “labels”.');
    expect(summarise(sampleResults({methods: [trueLabels!]})).headline).toBe(
      'No method was compared with another one.',
    );
    const lost = {...results, rows: results.rows.map(row => ({...row, agreement: Number.NaN}))};
    expect(summarise(lost).levels[0]!.sentence).toBe('“labels” has no result for every seed.');
  });

  it('says that underfitted methods leave it open, beside a verdict that shows no difference', () => {
    const results = sampleResults({methods: [labels!, topThree!]});
    const open = compared(results, {difference: 0.001, interval: [-0.01, 0.012], verdict: 'no difference shown'});
    const {headline, levels, cautions} = summarise(withUnderfitted(open, ['labels', 'top-3 with rest']));
    expect(headline).toMatch(
      /than “labels”\. All 2 methods may be underfitted: longer training may show a difference\.$/,
    );
    expect(levels[1]!.sentence).toMatch(
      /in 4 of 5 such studies\. Students that may be underfitted took part in this comparison\.$/,
    );
    expect(cautions[0]).toMatch(/^labels may be underfitted: after 2,048 steps its loss was still falling/);
    expect(cautions[2]).toMatch(/^Figures of underfitted students are too low/);
    expect(summarise(withUnderfitted(open, ['labels'])).headline).toMatch(/ 1 of 2 methods may be underfitted:/);
  });

  it('says of too few seeds what then can be said, and warns of seeds that are not shared and of lost ones', () => {
    const results = sampleResults({methods: [labels!, topThree!]});
    const sentence = (comparison: Partial<Comparison>) =>
      plain(summarise(compared(results, comparison)).levels[1]!.sentence);
    const open = {
      verdict: 'too few seeds to say',
      difference: 0.004,
      interval: [-0.002, 0.01],
      confidence: 0.975,
    } as const;
    expect(sentence(open)).toMatch(
      /There are too few seeds to say whether it differs from “labels”: \+0\.40 points \(97\.5 % interval −0\.20 to \+1\.00\)\.$/,
    );
    expect(sentence({...open, between: 'students', detectable: Number.NaN})).toMatch(
      /One seed is too few to say whether the method differs from “labels”\. Between these very students the difference is \+0\.40 points \(97\.5 % interval −0\.20 to \+1\.00\), over other inputs like the test set\.$/,
    );
    const failures = [{level: 'gray-box', method: 'top-3 with rest', seed: 2, reason: 'No memory.'}] as const;
    const {cautions} = summarise({...compared(results, {paired: false, seeds: [2, 3]}), failures});
    expect(cautions[0]).toMatch(/^1 run failed, and their methods are compared by the seeds that are left/);
    expect(cautions[1]).toBe(
      '“top-3 with rest” shared fewer than two seeds with “labels”: that comparison is not paired by seed.',
    );
  });

  it('warns of unequal budgets and of few seeds', () => {
    const results = sampleResults({methods: [labels!, logProbabilities!], seeds: [1]});
    const unequal = {...results, rows: results.rows.map((row, index) => ({...row, budget: 2_000 * (1 + index)}))};
    expect(summarise(unequal).cautions[0]).toContain('(2,000 to 4,000)');
    expect(summarise(unequal).cautions[1]).toMatch(/^Each student was trained once\./);
  });
});

describe('spread', () => {
  it('gives the mean, the sample deviation and the interval of Student', () => {
    const {mean, deviation, interval} = spread([1, 2, 3]);
    expect([mean, deviation]).toEqual([2, 1]);
    // t(2) = 4.302653: 2 ± 4.302653 / √3.
    expect(interval![0]).toBeCloseTo(-0.48414, 3);
    expect(interval![1]).toBeCloseTo(4.48414, 3);
  });

  it('knows the quantile of many seeds too', () => {
    // 21 values, ten pairs of ±1 and a nought: s = 1, and t(20) = 2.085963.
    const values = Array.from({length: 21}, (_, index) => (index === 20 ? 0 : index % 2 === 0 ? 1 : -1));
    expect(spread(values).interval![1] * Math.sqrt(21)).toBeCloseTo(2.08596, 3);
  });

  it('shows no spread of one value and a lost value in the mean', () => {
    expect(spread([0.5])).toEqual({values: [0.5], mean: 0.5, deviation: undefined, interval: undefined});
    expect(spread([0.5, Number.NaN]).mean).toBeNaN();
  });
});

describe('html', () => {
  it('escapes text, joins lists, leaves out what is undefined, and keeps HTML', () => {
    const list = ['<a>', html`<b title="${'"\'&'}">${1}</b>`, undefined, trusted('<hr>')];
    expect(html`<p>${list}</p>`.text).toBe('<p>&#60;a&#62;<b title="&#34;&#39;&#38;">1</b><hr></p>');
  });

  it('leaves nothing in JSON that could end a script', () => {
    const value = {name: '</script><!-- <script>', number: Number.NaN};
    const {text} = jsonScript(value);
    expect(text).not.toContain('<');
    expect(JSON.parse(text)).toEqual({name: value.name, number: null});
  });
});

function parsed(results: Results): Node {
  return parseHTML(renderReport(results)).document as unknown as Node;
}

/** Numbers lost to NaN, to null (as JSON leaves them), and parts that were never measured. */
function broken(results: Results): Results {
  const lost = JSON.parse(JSON.stringify({value: Number.NaN})) as {readonly value: number};
  const methods = results.methods.map(
    (method): MethodResult => ({
      ...method,
      reliability: [],
      relation: [],
      relationCorrelation: Number.NaN,
      targets: {entropy: Number.NaN, smoothing: lost.value, histogram: []},
    }),
  );
  const rows = results.rows.map(row => ({
    ...row,
    curve: [],
    ...(row.method === 'labels' && row.seed === 2 ? {accuracy: Number.NaN, agreement: lost.value} : {}),
  }));
  const ledger = {...results.ledger, byLevel: {}};
  return {...results, methods, rows, ledger, teacherTargets: undefined, teacherReliability: []};
}

/** The results with every comparison replaced. */
function compared(results: Results, comparison: Partial<Comparison>): Results {
  const methods = results.methods.map(method =>
    method.versusLabels === undefined ? method : {...method, versusLabels: {...method.versusLabels, ...comparison}},
  );
  return {...results, methods};
}

/** With common spaces instead of those that keep a number and its unit together. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
