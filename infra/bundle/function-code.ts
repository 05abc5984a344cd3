import { Code } from 'aws-cdk-lib/aws-lambda';
import { functionDirectory } from '#function-directory';

/** The functions' `Handler`: the export `handler` of the bundle's entry point, `handler.mjs` or `handler.js`. */
export const HANDLER = 'handler.handler';

/**
 * The code of a refresher's function, of the one that rotates its secret, or of the one that runs a stack's custom resources. The asset is named by the bundle's
 * content: unchanged sources deploy nothing. Here the bundle is made from `lambda/`; the npm package brings it along
 * (package.json, `imports`).
 */
export function functionCode(name: 'refresher' | 'rotation' | 'deployment'): Code {
  return Code.fromAsset(functionDirectory(name));
}
