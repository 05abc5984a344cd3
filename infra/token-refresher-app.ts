import { App, type AppProps, type Environment, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ConfigurationError } from './configuration/configuration-error.ts';
import { parseOidcProviders } from './configuration/oidc-providers.ts';
import type { TargetEnvironment } from './configuration/places.ts';
import { parseTokens, type TokenConfiguration } from './configuration/tokens-configuration.ts';
import { TokenRefresherStack } from './token-refresher-stack.ts';

/**
 * Builds the app: one stack from the context, which is cdk.json's, or `-c name=value` on the command line.
 *
 * - `tokens`: the tokens
 * - `stackName`: name of the stack, default `TokenRefresher`
 * - `dashboard`: true for a CloudWatch dashboard
 * - `createOidcProviders`: OIDC providers of readers that the account does not have yet
 * - `terminationProtection`: true, and CloudFormation refuses to delete the stack
 *
 * Synthesis fails on each finding of cdk-nag's AwsSolutions rules that is not acknowledged with a reason.
 *
 * @throws ConfigurationError with all problems of the configuration
 */
export function createTokenRefresherApp(target: TargetEnvironment, props: AppProps = {}): App {
  const app = new App(props);
  const context = (key: string): unknown => app.node.tryGetContext(key);
  const tokens = parseTokens(context('tokens'), target);
  new TokenRefresherStack(app, stackName(context('stackName')), {
    description: 'Keeps valid OAuth2 access tokens in Parameter Store',
    tokens,
    createOidcProviders: parseOidcProviders(context('createOidcProviders'), tokens),
    dashboard: flag('dashboard', context('dashboard')),
    terminationProtection: flag('terminationProtection', context('terminationProtection')),
    ...lookupEnvironment(tokens, target),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** On the command line everything is text. */
function flag(name: string, value: unknown): boolean {
  if (value === undefined || value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw new ConfigurationError(`${name}: ${JSON.stringify(value)} is not true or false`);
}

function stackName(value: unknown): string {
  if (value === undefined) return 'TokenRefresher';
  if (typeof value === 'string' && /^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(value)) return value;
  throw new ConfigurationError(
    `stackName: ${JSON.stringify(value)} is not a name of 1 to 128 letters, digits and "-" that begins with a letter`,
  );
}

/**
 * Binds the stack to an account only where a VPC must be looked up in it. Else the template is the same for every
 * account, and the same with and without credentials.
 */
function lookupEnvironment(
  tokens: readonly TokenConfiguration[],
  { account, region }: TargetEnvironment,
): { env?: Environment } {
  const isNeeded = tokens.some((token) => token.vpcId !== undefined);
  return isNeeded && account !== undefined && region !== undefined ? { env: { account, region } } : {};
}
