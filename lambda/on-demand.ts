/**
 * Everything that the handler loads only to mint, to probe or to diagnose. An idle beat needs none of it. The handler
 * imports this file by one `import()`, so that all of it becomes one chunk of the bundle.
 */
export { diagnose } from './diagnose/diagnose.ts';
export { createMinter } from './mint/create-minter.ts';
