import { Stack } from 'aws-cdk-lib';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import type { TokenParameters } from './token-parameters.ts';

/**
 * Claims the names of a token's parameters for one stack. The claim is another parameter, whose name a second stack
 * cannot create. Make each resource that may write or delete the token's parameters depend on it (`node.addDependency`):
 * a second stack with the same token then fails before it changes anything. The claim's value names the owning stack.
 *
 * The claim is not below the token's path, so that tools that read a whole path do not find it. A standard parameter
 * costs nothing.
 */
export function createNameClaim(
  scope: Construct,
  id: string,
  { parameters }: { readonly parameters: TokenParameters },
): StringParameter {
  return new StringParameter(scope, id, {
    parameterName: parameters.claimName,
    stringValue: Stack.of(scope).stackId,
    description: `The stack that keeps ${parameters.tokenParameterName}`,
    simpleName: false,
  });
}
