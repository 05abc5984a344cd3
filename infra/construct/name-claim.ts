import { Stack } from 'aws-cdk-lib';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import type { TokenParameters } from './token-parameters.ts';

/**
 * Claims the names of a token's parameters for one stack: a parameter of its own, whose name no second stack can create.
 * Whatever may write or delete the two must be made to depend on it (`node.addDependency`), so that a second stack with
 * the same token fails before it has touched anything. Its value says whose the token is.
 *
 * It lies outside the token's path, where tools that read a whole path would find it. A standard parameter costs nothing.
 */
export function createNameClaim(scope: Construct, id: string, parameters: TokenParameters): StringParameter {
  return new StringParameter(scope, id, {
    parameterName: parameters.claimName,
    stringValue: Stack.of(scope).stackId,
    description: `The stack that keeps ${parameters.tokenParameterName}`,
    simpleName: false,
  });
}
