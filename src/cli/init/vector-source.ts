import {lines, quoted} from './literals.ts';
import {
  byLetters,
  datasetFields,
  INIT_SEED,
  type InitChoices,
  priceSource,
  type VectorChoices,
} from './recipe-parts.ts';

/** Writes the source of a recipe whose teacher is an embedding model. */
export function vectorSource(choices: InitChoices, vectors: VectorChoices): string {
  const {name, service, test, calls} = choices;
  const imports = [
    `import {adam, defineRecipe, hashedNgrams, textDataset} from 'limbeck';`,
    `import {${service.factory}} from 'limbeck/adapters/${service.adapter}';`,
    `import {vectorCosine} from 'limbeck/losses';`,
    `import {withVectors} from 'limbeck/students';`,
  ].sort(byLetters);
  return `${imports.join('\n')}

export default defineRecipe({
  // Knowledge, students and results go to out/${name}.
  name: ${quoted(name)},
  // ${test} texts are kept to measure with; the same text twice, or nearly so, counts once.
  data: () =>
    textDataset(${lines(datasetFields(choices), 4)}),
  // So many of the others are asked about. More of them make a better student; those that were asked stay paid for.
  transfer: {size: ${calls}, seed: ${INIT_SEED}},
  teachers: {
    'gray-box': () =>
      ${service.factory}(${lines(teacherFields(choices, vectors), 6)}),
  },
  // One layer over runs of words and characters. Its vectors are as long as the teacher's, so that an index can stay.
  student: withVectors(hashedNgrams({units: []}), ${vectors.dimensions}),
  methods: [{level: 'gray-box', method: 'cosine', losses: [vectorCosine()]}],
  // Vectors want fewer and smaller steps than classes.
  training: {epochs: 10, optimizer: adam({learningRate: 0.002})},
  seeds: [1, 2, 3],
});
`;
}

function teacherFields(
  {service, model, url, price}: InitChoices,
  {dimensions, isShortened}: VectorChoices,
): readonly string[] {
  return [
    ...(service.api === undefined ? [] : [`api: '${service.api}'`]),
    ...(url === undefined ? [] : [`url: ${quoted(url)}`]),
    `model: ${quoted(model)}`,
    ...(isShortened ? [`dimensions: ${dimensions}`] : []),
    ...(price === undefined ? [] : [`price: ${priceSource(price)}`]),
  ];
}
