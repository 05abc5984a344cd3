import { Code } from 'aws-cdk-lib/aws-lambda';
import { functionDirectory } from '#function-directory';

/** The functions' `Handler`: the export `handler` of the bundle's entry point, `handler.mjs` or `handler.js`. */
export const HANDLER = 'handler.handler';

/** The code of a refresher's function. */
export function functionCode(): Code {
  return codeOf('refresher');
}

/** The code of the function that runs a stack's custom resources. */
export function deploymentCode(): Code {
  return codeOf('deployment');
}

/**
 * An asset that is named by the bundle's content: unchanged sources deploy nothing. Here the bundle is made from
 * `lambda/`; the npm package brings it along (package.json, `imports`).
 */
function codeOf(name: 'refresher' | 'deployment'): Code {
  return Code.fromAsset(functionDirectory(name));
}
