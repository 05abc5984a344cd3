import { paginateGetParametersByPath, SSMClient, type SSMClientConfig } from '@aws-sdk/client-ssm';
import { Annotations, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { TargetEnvironment } from './configuration/places.ts';
import { CLAIMS } from './construct/token-parameters.ts';
import { TokenRefresher } from './construct/token-refresher.ts';

/** Synthesis does not wait longer for AWS. */
const TIME_LIMIT_MS = 4_000;

/**
 * Warns about each token that a stack of this app has in the account, and that the app no longer has: the deployment deletes it.
 * The account knows the tokens of a stack by the parameters that claim them. Without credentials, without permission to read these
 * parameters, or without an answer, there is no warning.
 */
export async function warnAboutRemovedTokens(
  app: IConstruct,
  { account, region }: TargetEnvironment,
  client: SSMClientConfig = {},
): Promise<void> {
  if (account === undefined || region === undefined) return;
  const kept = app.node.findAll().filter((one) => one instanceof TokenRefresher);
  const names = kept.map(({ tokenParameterName }) => tokenParameterName.replace(/\/access-token$/, ''));
  const deployed = await deployedTokens({ region, maxAttempts: 1, ...client }).catch(() => []);
  for (const stack of new Set(kept.map((one) => Stack.of(one)))) {
    const owner = `:cloudformation:${region}:${account}:stack/${stack.stackName}/`;
    for (const { name, stackId } of deployed) {
      if (!stackId.includes(owner) || names.includes(name)) continue;
      Annotations.of(stack).addWarningV2(
        `token-refresher:token-removed:${name}`,
        `The deployed stack ${stack.stackName} has the token ${name}, which your tokens do not name. DEPLOYING DELETES IT: its parameters (without retainParameters), its alarms, and the permissions of its readers. If you do not mean that, name the token again, or deploy a stack of another name (-c stackName=…).`,
      );
    }
  }
}

async function deployedTokens(config: SSMClientConfig) {
  const tokens: { readonly name: string; readonly stackId: string }[] = [];
  const pages = paginateGetParametersByPath(
    { client: new SSMClient(config) },
    { Path: CLAIMS, Recursive: true },
    { abortSignal: AbortSignal.timeout(TIME_LIMIT_MS) },
  );
  for await (const { Parameters = [] } of pages) {
    for (const { Name = '', Value = '' } of Parameters)
      tokens.push({ name: Name.slice(CLAIMS.length), stackId: Value });
  }
  return tokens;
}
