import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

/**
 * The secret as AWS's calls and commands name it: its complete ARN, or its name if the ARN's last six characters are not
 * known. Not the ARN without them: Secrets Manager takes `…:secret:oauth-client` for a complete ARN, and finds nothing.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
 */
export function secretIdOf(secret: ISecret): string {
  return secret.secretFullArn ?? secret.secretArn.replace(/^.*:secret:/s, '');
}
