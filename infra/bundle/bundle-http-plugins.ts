import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

const UNDICI = /[\\/]undici[\\/]lib[\\/]/;
const UNDICI_FETCH = /[\\/]undici[\\/]lib[\\/]web[\\/].*\.js$/;
const UNDICI_HTTP2 = /[\\/]undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/;
const UNDICI_WASM_WITHOUT_SIMD = /[\\/]undici[\\/]lib[\\/]llhttp[\\/]llhttp-wasm\.js$/;

/**
 * Takes of undici what a request over HTTP/1.1 with an `Agent` needs: not `fetch`, the caches, mocks, proxies and web
 * sockets that its index loads, nor what takes a body of theirs apart; not HTTP/2, which `lambda/http.ts` turns off; and
 * not the parser for processors without SIMD instructions, of which Lambda has none. Its assertions assert without
 * Node's module for them, which compares and prints values and takes seven more to do it.
 */
export const undiciAgentOnly: Plugin = {
  name: 'undici-agent-only',
  setup(build) {
    build.onResolve({ filter: /^undici$/ }, ({ path, resolveDir }) => ({
      path,
      namespace: 'undici-agent',
      pluginData: resolveDir,
    }));
    build.onLoad({ filter: /.*/, namespace: 'undici-agent' }, ({ pluginData }) => ({
      contents: `
        import Agent from 'undici/lib/dispatcher/agent.js';
        import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
        import request from 'undici/lib/api/api-request.js';
        Dispatcher.prototype.request = request;
        export { Agent };`,
      resolveDir: pluginData,
    }));
    build.onResolve({ filter: /^node:assert$/ }, ({ importer }) =>
      UNDICI.test(importer) ? { path: 'assert', namespace: 'undici-assert' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'undici-assert' }, () => ({ contents: ASSERT }));
    build.onLoad({ filter: UNDICI_FETCH }, () => ({
      contents: `throw new Error('This bundle sends bodies that are text only.');`,
    }));
    build.onLoad({ filter: UNDICI_HTTP2 }, () => ({
      contents: `module.exports = () => { throw new Error('This bundle holds HTTP/1.1 only.'); };`,
    }));
    build.onLoad({ filter: UNDICI_WASM_WITHOUT_SIMD }, () => ({
      contents: `throw new Error('This bundle holds the HTTP parser for processors with SIMD only.');`,
    }));
  },
};

const ASSERT = `module.exports = (value, message = 'assertion failed') => {
  if (!value) throw message instanceof Error ? message : new Error(message);
};`;

const OAUTH4WEBAPI = /[\\/]oauth4webapi[\\/]build[\\/]index\.js$/;

/**
 * Gives oauth4webapi headers of its own to prepare a request with. The global `Headers` loads Node's whole `fetch`, half
 * of a cold mint, and all that becomes of them is a plain object for undici, which checks names and values itself.
 */
export const headersWithoutFetch: Plugin = {
  name: 'headers-without-fetch',
  setup(build) {
    build.onLoad({ filter: OAUTH4WEBAPI }, async ({ path }) => ({
      contents: `${HEADERS}\n${await readFile(path, 'utf8')}`,
    }));
  },
};

const HEADERS = `
  class Headers extends Map {
    constructor(entries) { super(Object.entries(entries).map(([name, value]) => [name.toLowerCase(), value])); }
    has(name) { return super.has(name.toLowerCase()); }
    get(name) { return super.get(name.toLowerCase()) ?? null; }
    set(name, value) { return super.set(name.toLowerCase(), String(value)); }
    append(name, value) { this.set(name, this.has(name) ? this.get(name) + ', ' + value : value); }
    delete(name) { return super.delete(name.toLowerCase()); }
  }`;
