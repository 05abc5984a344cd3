import { App, type Environment, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { TokenRefresherStack } from './token-refresher-stack.ts';
import { parseTokens, type TokenConfiguration } from './tokens-configuration.ts';

/*
 * The app that `cdk` runs: one stack from cdk.json's context, where `-c name=value` replaces a setting.
 *
 *   tokens      the tokens, see README
 *   stackName   name of the stack, default TokenRefresher
 *   dashboard   true for a CloudWatch dashboard
 */
const app = new App();
const target = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const tokens = parseTokens(app.node.tryGetContext('tokens'), target);
const stackName: string = app.node.tryGetContext('stackName') ?? 'TokenRefresher';

new TokenRefresherStack(app, stackName, {
  description: 'Keeps valid OAuth2 access tokens in Parameter Store',
  tokens,
  // On the command line everything is text.
  dashboard: String(app.node.tryGetContext('dashboard')) === 'true',
  ...lookupEnvironment(tokens),
});
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

/**
 * Binds the stack to an account only where a VPC must be looked up in it. Else the template is the same for every
 * account, and the same with and without credentials.
 */
function lookupEnvironment(all: readonly TokenConfiguration[]): { env?: Environment } {
  const { account, region } = target;
  const isNeeded = all.some((token) => token.vpcId !== undefined);
  return isNeeded && account !== undefined && region !== undefined ? { env: { account, region } } : {};
}
