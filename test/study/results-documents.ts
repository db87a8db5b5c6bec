import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import ts from 'typescript';
import {jointJsonSchema} from '../../src/study/joint/files.ts';
import {resultsJsonSchema} from '../../src/study/results-schema.ts';
import {root} from '../pages.ts';

/** A part of a JSON Schema, as far as results need it. */
export interface Schema {
  description?: string;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema | false;
  readonly prefixItems?: readonly Schema[];
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $defs?: Record<string, Schema>;
}

/** A document that a study writes: the file of its types, its JSON Schema, and the text above its page. */
export interface StudyDocument {
  readonly types: string;
  readonly schema: () => unknown;
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly introduction: string;
}

const NULLS = 'A number that is not finite is null: JSON has no NaN. Later versions can add fields.';

/** The JSON Schema of a document, described by the docstrings of its types. */
export function describedSchema(document: StudyDocument): Schema {
  const schema = document.schema() as Schema;
  const interfaces = interfacesFrom(join(root, document.types));
  for (const [name, part] of Object.entries(schema.$defs!)) {
    const node = interfaces.get(name)!;
    part.description = docstring(node);
    describeFields(part, membersOf(node, interfaces), interfaces);
  }
  const {$schema, ...rest} = schema as Schema & {readonly $schema: string};
  const {id: $id, title, about} = document;
  return {$schema, $id, title, description: `${about} ${NULLS}`, ...rest} as Schema;
}

type Interfaces = ReadonlyMap<string, ts.InterfaceDeclaration>;

/** The interfaces of a file and of those that it imports, by their names. Of two with one name, the nearer one. */
function interfacesFrom(path: string): Interfaces {
  const found = new Map<string, ts.InterfaceDeclaration>();
  const files = [path];
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
    for (const node of source.statements) {
      if (ts.isInterfaceDeclaration(node) && !found.has(node.name.text)) found.set(node.name.text, node);
      if (!ts.isImportDeclaration(node) || !importsTypes(node)) continue;
      const {text} = node.moduleSpecifier as ts.StringLiteral;
      if (!text.startsWith('.')) continue;
      const imported = join(dirname(file), text);
      if (!files.includes(imported)) files.push(imported);
    }
  }
  return found;
}

function importsTypes({importClause}: ts.ImportDeclaration): boolean {
  const named = importClause?.namedBindings;
  const isMixed = named !== undefined && ts.isNamedImports(named) && named.elements.some(({isTypeOnly}) => isTypeOnly);
  return importClause?.isTypeOnly === true || isMixed;
}

function describeFields(part: Schema, members: readonly ts.TypeElement[], interfaces: Interfaces): void {
  for (const whole of [part, ...(part.allOf ?? [])]) {
    for (const [key, field] of Object.entries(whole.properties ?? {})) {
      const member = memberNamed(members, key)!;
      const text = docstring(member);
      if (text !== '') field.description = text;
      describeFields(field, membersOf((member as ts.PropertySignature).type!, interfaces), interfaces);
    }
  }
}

function memberNamed(members: readonly ts.TypeElement[], key: string): ts.TypeElement | undefined {
  return members.find(({name}) => name !== undefined && ts.isIdentifier(name) && name.text === key);
}

/** The members of an interface or a type, those that it extends included. */
function membersOf(node: ts.Node, interfaces: Interfaces): ts.TypeElement[] {
  const own = ts.isInterfaceDeclaration(node) || ts.isTypeLiteralNode(node) ? [...node.members] : [];
  const bases: ts.Node[] = [];
  if (ts.isInterfaceDeclaration(node)) bases.push(...(node.heritageClauses ?? []).flatMap(({types}) => [...types]));
  if (ts.isIntersectionTypeNode(node) || ts.isUnionTypeNode(node)) bases.push(...node.types);
  const name = ts.isExpressionWithTypeArguments(node) ? node.expression : ts.isTypeReferenceNode(node) && node.typeName;
  const named = name && ts.isIdentifier(name) && interfaces.get(name.text);
  if (named) bases.push(named);
  // A field of another interface.
  if (ts.isIndexedAccessTypeNode(node) && ts.isLiteralTypeNode(node.indexType)) {
    const key = (node.indexType.literal as ts.StringLiteral).text;
    const field = memberNamed(membersOf(node.objectType, interfaces), key) as ts.PropertySignature | undefined;
    if (field?.type) bases.push(field.type);
  }
  // Pick and Omit.
  if (name && !named) bases.push(...((node as ts.TypeReferenceNode).typeArguments ?? []));
  return [...own, ...bases.flatMap(base => membersOf(base, interfaces))];
}

function docstring(node: ts.Node): string {
  const comments = (ts.getJSDocCommentsAndTags(node) as readonly ts.Node[]).filter(ts.isJSDoc);
  const text = comments.map(({comment}) => ts.getTextOfJSDocComment(comment)).join(' ');
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

/** `results.json` */
export const RESULTS: StudyDocument = {
  types: 'src/study/results.ts',
  schema: resultsJsonSchema,
  id: 'urn:limbeck:results:1',
  title: 'Results of a study',
  about: 'The findings of a study by limbeck.',
  introduction: `# results.json

\`limbeck compare\` writes \`results.json\` into the study's folder. The package has the JSON Schema of this file as \`limbeck/results.schema.json\`; this page is made from it. \`readResults(path)\` reads the file in a program. A study of several questions has one in the folder of each, and [joint.json](joint-results.md) beside them.

A number that is not finite is null in the file, because JSON has no NaN. Accuracies and rates are fractions from 0 to 1, entropies and divergences are in nats. Fields with a question mark can be absent. Later versions can add fields, and a change of meaning changes \`schema\`.
`,
};

/** `joint.json` */
export const JOINT: StudyDocument = {
  types: 'src/study/joint/results.ts',
  schema: jointJsonSchema,
  id: 'urn:limbeck:joint:1',
  title: 'Joint results of a study of several questions',
  about: 'The findings about all questions of a study by limbeck together.',
  introduction: `# joint.json

\`limbeck compare\` of a recipe with several questions writes \`joint.json\` into the study's folder. The results of each question stand in \`questions/NAME/results.json\`, as [results.json](results.md) says. The package has the JSON Schema of this file as \`limbeck/joint.schema.json\`; this page is made from it. \`readQuestionsResults(path)\` reads all of these files in a program.

A number that is not finite is null in the file, because JSON has no NaN. Shares are fractions from 0 to 1. Fields with a question mark can be absent. Later versions can add fields, and a change of meaning changes \`schema\`.
`,
};

/** The page that explains every field of a document. */
export function documentPage(document: StudyDocument): string {
  const sections = Object.entries(describedSchema(document).$defs!).map(([name, part]) => {
    const fields = fieldsOf(part).map(
      ([key, field, isOptional]) =>
        `| \`${key}${isOptional ? '?' : ''}\` | ${typeText(field)} | ${inCell(field.description)} |`,
    );
    const table = ['| field | type | meaning |', '| --- | --- | --- |', ...fields].join('\n');
    return `## ${name}\n\n${part.description}\n\n${table}\n`;
  });
  return [document.introduction, ...sections].join('\n');
}

/** The fields of an object, those of objects in it by their paths. */
function fieldsOf(part: Schema, path = ''): (readonly [key: string, field: Schema, isOptional: boolean])[] {
  return [part, ...(part.allOf ?? [])].flatMap(({properties = {}, required = []}) =>
    Object.entries(properties).flatMap(([key, field]) => {
      const own = [`${path}${key}`, field, !required.includes(key)] as const;
      return [own, ...fieldsOf(field, `${own[0]}.`)];
    }),
  );
}

function typeText(field: Schema): string {
  const {$ref, type, enum: words, items, prefixItems, additionalProperties, anyOf, allOf} = field;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (field.const !== undefined) return `\`${field.const}\``;
  if (words) return words.map(word => `\`${word}\``).join(', ');
  if (anyOf) return anyOf.map(typeText).join(' or ');
  if (allOf) return [...new Set(allOf.map(typeText))].join(' and ');
  if (prefixItems) return `[${prefixItems.map(typeText).join(', ')}]`;
  if (items) return `list of ${typeText(items)}`;
  if (additionalProperties) return `object of ${typeText(additionalProperties)}`;
  return [type!].flat().join(' or ').replaceAll('string', 'text');
}

function inCell(text = ''): string {
  return text.replaceAll('|', '\\|');
}
