import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import ts from 'typescript';
import {describe, expect, it} from 'vitest';
import {root} from './pages.ts';

/**
 * Functions whose last argument is no object with options, though it looks like one: a value with a form of its own.
 * Whatever else it holds is right there.
 */
const VALUES = ['asSplit', 'cascaded', 'certify', 'describeRound', 'errorAt', 'weightsHash'];

/** A function of tensors is called in each step of a training; its term, which is checked, is what recipes take. */
const OF_TENSORS = /Loss$/;

/** Layers pass the options of a call to each other, with more than one layer knows. */
const LAYERS = ['askEach'];

const modules = ['src/index.ts', ...readdirSync(join(root, 'src/public')).map(file => `src/public/${file}`)];

interface Taking {
  readonly name: string;
  readonly module: string;
  /** The index of the options among the arguments. */
  readonly index: number;
}

/** The functions of the package that take an object with options, by their types. */
function functionsWithOptions(): Taking[] {
  const {config} = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const {options} = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(
    modules.map(module => join(root, module)),
    {...options, noEmit: true},
  );
  const checker = program.getTypeChecker();
  const found = new Map<string, Taking>();
  for (const module of modules) {
    const source = checker.getSymbolAtLocation(program.getSourceFile(join(root, module))!)!;
    for (const symbol of checker.getExportsOfModule(source)) {
      const aliased = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      for (const declaration of aliased.declarations ?? []) {
        if (!ts.isFunctionDeclaration(declaration)) continue;
        const index = declaration.parameters.findLastIndex(
          ({name, type}) => ts.isObjectBindingPattern(name) || /Options\b/.test(type?.getText() ?? ''),
        );
        if (index >= 0) found.set(aliased.name, {name: aliased.name, module, index});
      }
    }
  }
  return [...found.values()];
}

/** The message with which a function refuses its options, which hold one that nobody knows. */
async function refusalBy({name, module, index}: Taking): Promise<string> {
  const {[name]: make} = (await import(join(root, module))) as Record<string, (...values: unknown[]) => unknown>;
  const others = Array.from({length: index}, () => ({}));
  try {
    const made = await make!(...others, {nobodyKnowsThis: 1});
    // A generator runs when it is first asked for a value.
    await (made as AsyncGenerator).next();
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('every function of the package that takes options', () => {
  const all = functionsWithOptions();
  const known = [...VALUES, ...LAYERS];
  const checked = all.filter(({name}) => !known.includes(name) && !OF_TENSORS.test(name));

  it('is found by its types', () => {
    expect(checked.length).toBeGreaterThan(80);
    expect(known.filter(name => !all.some(taking => taking.name === name))).toEqual([]);
  });

  it.each(checked.map(taking => [taking.name, taking] as const))(
    'refuses what it does not know: %s',
    async (_, taking) => {
      expect(await refusalBy(taking)).toMatch(/has no option `nobodyKnowsThis`\./);
    },
  );
});
