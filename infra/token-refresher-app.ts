import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readConfiguration } from './configuration/app-configuration.ts';
import type { TargetEnvironment } from './configuration/places.ts';
import { given } from './construct/given.ts';
import { TokenRefresherStack } from './token-refresher-stack.ts';

/**
 * Builds the app: one stack from the context, which is cdk.json's, or `-c name=value` on the command line.
 *
 * - `tokens`: the tokens, if they are not in `tokens.json` beside cdk.json; without either it refuses
 * - `tokensFile`: another file of tokens
 * - `stackName`: name of the stack, default `TokenRefresher`
 * - `dashboard`: true for a CloudWatch dashboard
 * - `terminationProtection`: true, and CloudFormation refuses to delete the stack
 *
 * Synthesis fails on each finding of cdk-nag's AwsSolutions rules that is not acknowledged with a reason.
 *
 * @param directory where cdk.json is; undefined: no `tokens.json` is looked for
 * @throws ConfigurationError with all problems of the configuration
 */
export function createTokenRefresherApp(
  target: TargetEnvironment,
  props: AppProps = {},
  directory?: string,
): App {
  const app = new App(props);
  const { stackName, ...configuration } = readConfiguration(app.node.getAllContext(), target, directory);
  const { account, region } = target;
  // Bound to an account only if a VPC must be looked up in it. Otherwise the template is the same for every account, and the same
  // with and without credentials.
  const isBound = configuration.tokens.some(({ vpcId }) => vpcId !== undefined);
  new TokenRefresherStack(app, stackName, {
    description: 'Keeps valid OAuth2 access tokens in Parameter Store',
    ...configuration,
    ...(isBound && { env: given({ account, region }) }),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}
