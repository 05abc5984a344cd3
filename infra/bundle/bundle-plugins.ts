import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

/**
 * Exports of Node.js modules that an idle beat mentions and never uses, but whose reading loads modules behind it:
 * files' streams, the promises of `fs` with the line editor, the compression library. They load when first used.
 */
const LATE_EXPORTS: Readonly<Record<string, Readonly<Record<string, 'function' | 'class'>>>> = {
  fs: { ReadStream: 'class' },
  'fs/promises': { readFile: 'function' },
  zlib: { crc32: 'function' },
};

/**
 * Takes Node.js modules by `process.getBuiltinModule` instead of `import`. An `import` reads every export at once, and
 * some are getters behind which much else is loaded: `node:http` alone brings in Node's whole `fetch`, 20 ms.
 *
 * @see https://nodejs.org/api/process.html#processgetbuiltinmoduleid
 */
export const builtinModulesOnDemand: Plugin = {
  name: 'builtin-modules-on-demand',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z][\w/]*$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '');
      // Some are listed by their full name only (`node:sqlite`).
      const isBuiltin = builtinModules.includes(name) || builtinModules.includes(path);
      if (kind === 'entry-point' || !isBuiltin) return undefined;
      // Without side effects: an import of which nothing is used goes away.
      return {
        path: name,
        namespace: kind === 'import-statement' ? 'node-exports' : 'node-module',
        sideEffects: false,
      };
    });
    build.onLoad({ filter: /.*/, namespace: 'node-module' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}');`,
    }));
    build.onLoad({ filter: /.*/, namespace: 'node-exports' }, ({ path }) => ({
      contents: exportsOf(path),
    }));
  },
};

/** Each export as a value that is read only where it is used: esbuild drops the pure rest. */
function exportsOf(module: string): string {
  const late = LATE_EXPORTS[module] ?? {};
  const names = Object.keys(process.getBuiltinModule(`node:${module}`) ?? {});
  const lines = names
    .filter((name) => /^[A-Za-z_]\w*$/.test(name) && name !== 'default')
    .map((name) => {
      switch (late[name]) {
        case 'function':
          return `const the_${name} = (...values) => load().${name}(...values);`;
        case 'class':
          return `const the_${name} = /* @__PURE__ */ (() => ({ [Symbol.hasInstance]: (value) => value instanceof load().${name} }))();`;
        default:
          return `const the_${name} = /* @__PURE__ */ (() => load().${name})();`;
      }
    });
  const exported = names.filter((name) => lines.some((line) => line.startsWith(`const the_${name} `)));
  return [
    `const load = () => process.getBuiltinModule('node:${module}');`,
    'export default /* @__PURE__ */ load();',
    ...lines,
    `export { ${exported.map((name) => `the_${name} as ${name}`).join(', ')} };`,
  ].join('\n');
}
