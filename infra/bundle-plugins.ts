import { readFile } from 'node:fs/promises';
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

const CLIENT_SCHEMAS = /@aws-sdk[\\/]client-(ssm|secrets-manager)[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/;
const ERROR_REGISTRATION = /^n0_registry\.registerError\(\w+\$, \w+\);$/gm;
const SCHEMA = /^export var (\w+\$) = (\[[\s\S]*?\]);$/gm;

/**
 * Leaves out of the AWS clients what belongs to operations that are not called. Their schemas are arrays that esbuild
 * could drop but for computed keys, and each client registers a class for every error of its service, 150 for SSM. An
 * error without a class of its own comes as the service's base exception with the same name, message and metadata,
 * and the name is all that this function looks at.
 */
export const calledOperationsOnly: Plugin = {
  name: 'called-operations-only',
  setup(build) {
    build.onLoad({ filter: CLIENT_SCHEMAS }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source
        .replaceAll(ERROR_REGISTRATION, '')
        .replaceAll(SCHEMA, 'export var $1 = /* @__PURE__ */ (() => $2)();');
      if (contents.includes('n0_registry.registerError') || !contents.includes('@__PURE__')) {
        throw new Error(`${path} is no longer written as calledOperationsOnly expects it: adapt it.`);
      }
      return { contents };
    });
  },
};

/**
 * Replaces the SDK's chain of credential providers (profiles, SSO, web identity, instance metadata). In
 * Lambda credentials are always in the environment, and `lambda/aws-client.ts` reads them there.
 */
export const credentialsFromEnvironmentOnly: Plugin = {
  name: 'credentials-from-environment-only',
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ path }) => ({
      path,
      namespace: 'no-credentials',
    }));
    build.onLoad({ filter: /.*/, namespace: 'no-credentials' }, () => ({
      contents: `export const defaultProvider = () => async () => {
        throw Object.assign(new Error('The client was made without credentials.'), { name: 'CredentialsProviderError' });
      };`,
    }));
  },
};
