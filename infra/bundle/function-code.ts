import { Code } from 'aws-cdk-lib/aws-lambda';
import { functionDirectory } from '#function-directory';
import type { FunctionName } from './bundle.ts';

/** The functions' `Handler`: the export `handler` of the bundle's entry point, `handler.mjs` or `handler.js`. */
export const HANDLER = 'handler.handler';

/**
 * The code of a function. The asset is named by the bundle's content: unchanged sources deploy nothing. Here the bundle is
 * made from `lambda/`; the npm package brings it along (package.json, `imports`).
 */
export function functionCode(name: FunctionName): Code {
  return Code.fromAsset(functionDirectory(name));
}
