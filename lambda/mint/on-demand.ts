/**
 * What the handler loads only when a token is due, has to be probed, or is to be diagnosed. An idle beat needs none of
 * it: as one `import()`, all of it becomes one chunk of the bundle.
 */
export { createMinter } from './create-minter.ts';
export { diagnose } from './diagnose.ts';
