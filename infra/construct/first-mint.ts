import { createHash } from 'node:crypto';
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  AwsCustomResource,
  AwsCustomResourcePolicy,
  type AwsSdkCall,
  Logging,
  PhysicalResourceId,
} from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { DeploymentCalls } from './deployment-calls.ts';

/**
 * Mints a token while the stack is deployed, once when it is created and again when `configuration` changes; a
 * change of the code alone mints nothing.
 *
 * No failure of the mint fails the deployment: a placeholder for a secret or a token endpoint that is down is
 * Lambda's `FunctionError`, which is a successful call, and whatever else may happen (throttled by the reserved
 * concurrency of 1 because a beat is minting at this moment, a permission that IAM has not spread yet) is
 * ignored, because the next beat does the same within a minute.
 */
export function createFirstMint(
  scope: Construct,
  id: string,
  options: { readonly fn: IFunction; readonly configuration: unknown },
): AwsCustomResource {
  const configuration = JSON.stringify(Stack.of(scope).resolve(options.configuration));
  const hash = createHash('sha256').update(configuration).digest('hex').slice(0, 12);
  const mint: AwsSdkCall = {
    service: 'Lambda',
    action: 'Invoke',
    parameters: { FunctionName: options.fn.functionName, Payload: JSON.stringify({ force: true }) },
    physicalResourceId: PhysicalResourceId.of(`first-mint-${hash}`),
    ignoreErrorCodesMatching: '.*',
    logging: Logging.withDataHidden(),
  };
  return new AwsCustomResource(scope, id, {
    ...DeploymentCalls.of(scope).shared,
    resourceType: 'Custom::FirstMint',
    onCreate: mint,
    onUpdate: mint,
    policy: AwsCustomResourcePolicy.fromStatements([
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [options.fn.functionArn] }),
    ]),
  });
}
