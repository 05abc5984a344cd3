import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { viaService } from './via-service.ts';

/** The path of the parameters that claim a token's name for a stack. */
export const CLAIMS = '/token-refresher';

/** The two parameters of one token: their names, and the permissions on them. */
export type TokenParameters = ReturnType<typeof tokenParameters>;

/**
 * Makes the names of the parameters of the token `name` below `prefix`, and the permissions on them.
 *
 * `encryptionKey`: a customer managed key. Undefined: the AWS managed key `alias/aws/ssm`. Its policy allows every
 * identity of the account that may use Parameter Store, so that no further permission is needed.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
 */
export function tokenParameters(
  scope: Construct,
  options: {
    readonly prefix: string;
    readonly name: string;
    readonly encryptionKey: IKey | undefined;
    readonly isTagged: boolean;
  },
) {
  const { prefix, name, encryptionKey } = options;
  const tokenParameterName = `${prefix}/${name}/access-token`;
  const statusParameterName = `${prefix}/${name}/token-status`;
  const arnOf = (parameterName: string) =>
    Stack.of(scope).formatArn({
      service: 'ssm',
      resource: 'parameter',
      resourceName: parameterName.slice(1),
    });
  const token = arnOf(tokenParameterName);
  const both = [token, arnOf(statusParameterName)];
  const allow = (actions: string[], resources: string[]) => new PolicyStatement({ actions, resources });
  return {
    /** Name of the SecureString parameter that holds the token. */
    tokenParameterName,
    /** Name of the String parameter that holds the status. */
    statusParameterName,
    /** Name of the parameter that claims both names for one stack. */
    claimName: `${CLAIMS}${prefix}/${name}`,
    tokenArn: token,
    /** ARNs of both. */
    arns: both,
    /** The function's permissions on both. */
    refreshStatements: [
      allow(['ssm:GetParameters', 'ssm:PutParameter'], both),
      // The keep-alive probe needs the stored token itself.
      allow(['ssm:GetParameter'], [token]),
      // PutParameter with tags needs it too.
      ...(options.isTagged ? [allow(['ssm:AddTagsToResource'], both)] : []),
    ],
    /** The function's permissions on the token's customer managed key; undefined if it has none. */
    refreshKeyStatement:
      encryptionKey &&
      new PolicyStatement({
        // Encrypt: standard tier. GenerateDataKey: advanced tier, for tokens above 4,096 bytes.
        actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
        resources: [encryptionKey.keyArn],
        conditions: {
          StringEquals: {
            'kms:ViaService': viaService(scope, 'ssm'),
            'kms:EncryptionContext:PARAMETER_ARN': token,
          },
        },
      }),
    /** The deployment function's permissions: to look for both, and to delete them. */
    deploymentStatement: allow(['ssm:DeleteParameters', 'ssm:GetParameters'], both),
  };
}
