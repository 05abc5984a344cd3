import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

const CLIENT_SCHEMAS = /@aws-sdk[\\/]client-(ssm|secrets-manager)[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/;
const ERROR_REGISTRATION = /^n0_registry\.registerError\(\w+\$, \w+\);$/gm;
const SCHEMA = /^((?:export )?var \w+\$?) = (\[[\s\S]*?\]);$/gm;

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
        .replaceAll(SCHEMA, '$1 = /* @__PURE__ */ (() => $2)();');
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

const leftOut = (what: string) => `throw new Error('${what} is not in this bundle.');`;

/** Parts of `@smithy/core` by the end of their paths, and what stands in for each. */
const STAND_INS: Readonly<Record<string, string>> = {
  // For a Node.js without OpenSSL.
  'checksum/sha256/Sha256Js.js': `export class Sha256Js { constructor() { ${leftOut('SHA-256 in JavaScript')} } }`,
  // `lambda/aws-client.ts` says the standard one.
  'retry/util-retry/AdaptiveRetryStrategy.js': `export class AdaptiveRetryStrategy { constructor() { ${leftOut('The adaptive retry strategy')} } }`,
  // Asked for where the region of a machine has to be found; Lambda says it.
  'config/config-resolver/regionConfig/getInstanceMetadataRegion.js': `export const getInstanceMetadataRegion = async () => undefined;`,
  // In Lambda there are none.
  'config/shared-ini-file-loader/loadSharedConfigFiles.js': `export { CONFIG_PREFIX_SEPARATOR } from './constants';
    export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} });`,
  // The global `crypto` would load Node's whole Web Crypto for the same number.
  'serde/uuid/v4.js': `import { randomUUID } from 'node:crypto'; export const bindV4 = () => randomUUID;`,
};

/** Leaves out of the SDK's core what is not reached with the settings of `lambda/aws-client.ts`, and in Lambda. */
export const reachedPartsOnly: Plugin = {
  name: 'reached-parts-only',
  setup(build) {
    const unseen = new Set(Object.keys(STAND_INS));
    build.onLoad({ filter: /[\\/]@smithy[\\/]core[\\/]dist-es[\\/]submodules[\\/].*\.js$/ }, ({ path }) => {
      const part = path.replaceAll('\\', '/').split('/submodules/').at(-1) ?? '';
      unseen.delete(part);
      const contents = STAND_INS[part];
      return contents === undefined ? undefined : { contents, resolveDir: dirname(path) };
    });
    build.onEnd(() => {
      const errors = [...unseen].map((part) => ({
        text: `The SDK has no ${part} any more: adapt reachedPartsOnly.`,
      }));
      return { errors };
    });
    // A client imports its package.json for the version in its User-Agent.
    build.onLoad({ filter: /[\\/]@aws-sdk[\\/]client-[a-z-]+[\\/]package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};
