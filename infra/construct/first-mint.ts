import { createHash } from 'node:crypto';
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { FirstMintProperties } from '../../lambda/contract.ts';
import { DeploymentFunction } from './deployment-function.ts';
import type { TokenParameters } from './token-parameters.ts';

/**
 * Mints a token while the stack is deployed, once when it is created and again when `configuration` changes; a
 * change of the code alone mints nothing. What it waits for, and when it fails a deployment: `lambda/deployment/first-mint.ts`.
 */
export function createFirstMint(
  scope: Construct,
  id: string,
  props: {
    readonly fn: IFunction;
    readonly parameters: TokenParameters;
    readonly encryptionKey: IKey | undefined;
    readonly configuration: unknown;
  },
): Construct {
  const { fn, parameters, encryptionKey } = props;
  const configuration = JSON.stringify(Stack.of(scope).resolve(props.configuration));
  const properties: FirstMintProperties = {
    FunctionName: fn.functionName,
    StatusParameter: parameters.statusParameterName,
    EncryptionKey: encryptionKey?.keyArn ?? '',
    Configuration: createHash('sha256').update(configuration).digest('hex').slice(0, 12),
  };
  return DeploymentFunction.of(scope).createResource(scope, id, {
    resourceType: 'Custom::FirstMint',
    properties,
    statements: [new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [fn.functionArn] })],
  });
}
