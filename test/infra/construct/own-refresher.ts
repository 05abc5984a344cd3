import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TokenRefresher, type TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';

/** Adds the construct for the token `deploy` to a stack of another app, with a secret of that stack. */
export function addRefresher(stack: Stack, props: Partial<TokenRefresherProps> = {}): TokenRefresher {
  return new TokenRefresher(stack, 'Refresher', {
    tokenName: 'deploy',
    provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
    // The class and the interface differ in how they type an absent key.
    secret: new Secret(stack, 'Secret') as ISecret,
    ...props,
  });
}

/** The template of a stack that has nothing else. */
export function templateOf(
  props: Partial<TokenRefresherProps> = {},
  own: { encryptionKey?: boolean; secretKey?: boolean; secretName?: string } = {},
): Template {
  const stack = new Stack(new App(), 'Own');
  const secret = own.secretKey
    ? (new Secret(stack, 'OwnSecret', { encryptionKey: new Key(stack, 'SecretKey') }) as ISecret)
    : own.secretName === undefined
      ? undefined
      : Secret.fromSecretNameV2(stack, 'Imported', own.secretName);
  addRefresher(stack, {
    ...(own.encryptionKey ? { encryptionKey: new Key(stack, 'Key') } : {}),
    ...(secret === undefined ? {} : { secret }),
    ...props,
  });
  return Template.fromStack(stack);
}
