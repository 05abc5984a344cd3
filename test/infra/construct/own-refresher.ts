import { App, type AppProps, type Environment, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TokenRefresher, type TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';

/** The account and region of a stack that is bound to one. */
export const ENV = { account: '111122223333', region: 'eu-central-1' };

/** An app of somebody, which leaves nothing behind. */
export function newApp(props: AppProps = {}): App {
  return new App({ outdir: temporaryDirectory(), analyticsReporting: false, ...props });
}

/** A stack of an app of its own. */
export function newStack(env?: Environment): Stack {
  return new Stack(newApp(), 'Own', env === undefined ? {} : { env });
}

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
export function templateOf(props: Partial<TokenRefresherProps> = {}): Template {
  const stack = newStack();
  addRefresher(stack, props);
  return Template.fromStack(stack);
}
