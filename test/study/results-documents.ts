import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import ts from 'typescript';
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

const ABOUT =
  'The findings of a study by limbeck. A number that is not finite is null: JSON has no NaN. Later versions can add fields.';

/** The JSON Schema of `results.json`, described by the docstrings of its types. */
export function describedSchema(): Schema {
  const schema = resultsJsonSchema() as Schema;
  const interfaces = interfacesFrom(join(root, 'src/study/results.ts'));
  for (const [name, part] of Object.entries(schema.$defs!)) {
    const node = interfaces.get(name)!;
    part.description = docstring(node);
    describeFields(part, membersOf(node, interfaces), interfaces);
  }
  const {$schema, ...rest} = schema as Schema & {readonly $schema: string};
  const $id = 'urn:limbeck:results:1';
  return {$schema, $id, title: 'Results of a study', description: ABOUT, ...rest} as Schema;
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
      if (!ts.isImportDeclaration(node) || !node.importClause?.isTypeOnly) continue;
      const {text} = node.moduleSpecifier as ts.StringLiteral;
      if (!text.startsWith('.')) continue;
      const imported = join(dirname(file), text);
      if (!files.includes(imported)) files.push(imported);
    }
  }
  return found;
}

function describeFields(part: Schema, members: readonly ts.TypeElement[], interfaces: Interfaces): void {
  for (const whole of [part, ...(part.allOf ?? [])]) {
    for (const [key, field] of Object.entries(whole.properties ?? {})) {
      const member = members.find(({name}) => name !== undefined && ts.isIdentifier(name) && name.text === key)!;
      const text = docstring(member);
      if (text !== '') field.description = text;
      describeFields(field, membersOf((member as ts.PropertySignature).type!, interfaces), interfaces);
    }
  }
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
  // Pick and Omit.
  if (name && !named) bases.push(...((node as ts.TypeReferenceNode).typeArguments ?? []));
  return [...own, ...bases.flatMap(base => membersOf(base, interfaces))];
}

function docstring(node: ts.Node): string {
  const comments = (ts.getJSDocCommentsAndTags(node) as readonly ts.Node[]).filter(ts.isJSDoc);
  const text = comments.map(({comment}) => ts.getTextOfJSDocComment(comment)).join(' ');
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

const INTRODUCTION = `# results.json

\`limbeck compare\` writes \`results.json\` into the study's folder. The package has the JSON Schema of this file as \`limbeck/results.schema.json\`; this page is made from it. \`readResults(path)\` reads the file in a program.

A number that is not finite is null in the file, because JSON has no NaN. Accuracies and rates are fractions from 0 to 1, entropies and divergences are in nats. Fields with a question mark can be absent. Later versions can add fields, and a change of meaning changes \`schema\`.
`;

/** The page that explains every field of `results.json`. */
export function resultsPage(): string {
  const sections = Object.entries(describedSchema().$defs!).map(([name, part]) => {
    const fields = fieldsOf(part).map(
      ([key, field, isOptional]) =>
        `| \`${key}${isOptional ? '?' : ''}\` | ${typeText(field)} | ${inCell(field.description)} |`,
    );
    const table = ['| field | type | meaning |', '| --- | --- | --- |', ...fields].join('\n');
    return `## ${name}\n\n${part.description}\n\n${table}\n`;
  });
  return [INTRODUCTION, ...sections].join('\n');
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
