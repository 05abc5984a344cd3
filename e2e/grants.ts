import assert from 'node:assert/strict';
import { type Call, expectRole } from './deployed-policies.ts';
import { type StackResource, stackResources } from './deployed-stack.ts';
import { type E2eHarness, functionOf, pathOf } from './e2e-harness.ts';

/**
 * Reads the deployed roles and permissions and evaluates them: each role may make the calls that it needs, and none may
 * reach another token. The emulator evaluates no policies, so that only this step finds a missing grant there.
 */
export async function checkGrants(harness: E2eHarness, tokens: readonly string[]): Promise<void> {
  const { steps, names, aws } = harness;
  const { Account: account } = await aws.call<{ Account: string }>('sts', 'get-caller-identity');
  const resources = await stackResources(harness);
  const arns = (token: string) => arnsOf(harness, account, token);
  const secrets = new Map<string, Secret>();
  for (const token of tokens) secrets.set(token, await secretKnownTo(harness, token));
  const secretOf = (token: string): string => secrets.get(token)?.arn ?? '';
  const secretArns = new Map(
    [...secrets.values()].filter(({ id }) => !id.startsWith('arn:')).map(({ id, arn }) => [id, arn]),
  );

  for (const token of tokens) {
    const others = tokens.filter((other) => other !== token);
    await steps.step(`grants of ${token}: function, schedule, rule`, async () => {
      const { fn, parameters } = arns(token);
      const config = await functionConfiguration(harness, functionOf(harness, token));
      const logStream = `arn:aws:logs:${harness.target.region}:${account}:log-group:${config.LoggingConfig.LogGroup}:log-stream:any`;
      await expectRole(harness, config.Role, {
        service: 'lambda.amazonaws.com',
        secretArns,
        needs: [
          ['secretsmanager:GetSecretValue', secretOf(token)],
          ...parameters.flatMap((one): Call[] => [
            ['ssm:GetParameters', one],
            ['ssm:PutParameter', one],
          ]),
          ['ssm:GetParameter', parameters[0]],
          ['logs:CreateLogStream', logStream],
          ['logs:PutLogEvents', logStream],
        ],
        mustNot: [
          ...parameters.map((one): Call => ['ssm:DeleteParameters', one]),
          ...others.flatMap((other): Call[] => [
            ['ssm:GetParameters', arns(other).parameters[0]],
            ['ssm:PutParameter', arns(other).parameters[0]],
            // Two tokens may share a secret.
            ...(secretOf(other) === secretOf(token)
              ? []
              : [['secretsmanager:GetSecretValue', secretOf(other)] as const]),
          ]),
        ],
      });
      await expectRole(harness, await scheduleRoleOf(harness, resources, fn), {
        service: 'scheduler.amazonaws.com',
        secretArns,
        needs: [['lambda:InvokeFunction', fn]],
        mustNot: others.map((other): Call => ['lambda:InvokeFunction', arns(other).fn]),
      });
      await expectRuleMayInvoke(harness, functionOf(harness, token));
    });
  }

  await steps.step('grants of the deployment: first mint and clean-up', async () => {
    const name = resources.find(
      ({ ResourceType, PhysicalResourceId }) =>
        ResourceType === 'AWS::Lambda::Function' &&
        !tokens.some((token) => PhysicalResourceId === functionOf(harness, token)),
    )?.PhysicalResourceId;
    const { Role } = await functionConfiguration(harness, name ?? '');
    await expectRole(harness, Role, {
      service: 'lambda.amazonaws.com',
      secretArns,
      needs: tokens.flatMap((token): Call[] => [
        ['lambda:InvokeFunction', arns(token).fn],
        ...arns(token).parameters.flatMap((one): Call[] => [
          // Whether it is there; it is not decrypted.
          ['ssm:GetParameters', one],
          ['ssm:DeleteParameters', one],
        ]),
      ]),
      mustNot: tokens.flatMap((token): Call[] => [
        ['ssm:PutParameter', arns(token).parameters[0]],
        ['secretsmanager:GetSecretValue', secretOf(token)],
      ]),
    });
  });

  await steps.step('grants of the CI job: reads its token, asks for a refresh, nothing else', async () => {
    const { fn, parameters } = arns('filled');
    await expectRole(harness, `arn:aws:iam::${account}:role/${names.readerRole}`, {
      service: 'codebuild.amazonaws.com',
      secretArns,
      needs: [
        ...parameters.flatMap((one): Call[] => [
          ['ssm:GetParameter', one],
          ['ssm:GetParameters', one],
        ]),
        ['lambda:InvokeFunction', fn],
      ],
      mustNot: [
        ['ssm:PutParameter', parameters[0]],
        ['secretsmanager:GetSecretValue', secretOf('filled')],
        ['ssm:GetParameters', arns('waiting').parameters[0]],
        ['lambda:InvokeFunction', arns('waiting').fn],
      ],
    });
  });
}

function arnsOf(harness: E2eHarness, account: string, token: string) {
  const { region } = harness.target;
  const parameter = `arn:aws:ssm:${region}:${account}:parameter${pathOf(harness, token)}`;
  return {
    fn: `arn:aws:lambda:${region}:${account}:function:${functionOf(harness, token)}`,
    parameters: [`${parameter}/access-token`, `${parameter}/token-status`] as const,
  };
}

interface FunctionConfiguration {
  readonly Role: string;
  readonly LoggingConfig: { readonly LogGroup: string };
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
}

function functionConfiguration({ aws }: E2eHarness, name: string): Promise<FunctionConfiguration> {
  return aws.call('lambda', 'get-function-configuration', '--function-name', name);
}

/** A secret as the function knows it, and its complete ARN. */
export interface Secret {
  readonly id: string;
  readonly arn: string;
}

/** The secret that a token's function reads. */
export async function secretKnownTo(harness: E2eHarness, token: string): Promise<Secret> {
  const { Environment } = await functionConfiguration(harness, functionOf(harness, token));
  const id = Environment.Variables.SECRET_ARN ?? '';
  const { ARN } = await harness.aws.call<{ ARN: string }>(
    ...['secretsmanager', 'describe-secret', '--secret-id', id],
  );
  return { id, arn: ARN };
}

async function scheduleRoleOf(
  { aws }: E2eHarness,
  resources: readonly StackResource[],
  functionArn: string,
): Promise<string> {
  for (const { ResourceType, PhysicalResourceId } of resources) {
    if (ResourceType !== 'AWS::Scheduler::Schedule') continue;
    const { Target, ScheduleExpression, State } = await aws.call<{
      Target: { Arn: string; RoleArn: string };
      ScheduleExpression: string;
      State: string;
    }>('scheduler', 'get-schedule', '--name', PhysicalResourceId.split(/[/|]/).at(-1) ?? '');
    if (Target.Arn !== functionArn) continue;
    assert.deepEqual([ScheduleExpression, State], ['rate(1 minute)', 'ENABLED']);
    return Target.RoleArn;
  }
  throw new Error(`No schedule invokes ${functionArn}.`);
}

async function expectRuleMayInvoke({ aws }: E2eHarness, functionName: string): Promise<void> {
  const { Policy } = await aws.call<{ Policy: string }>(
    ...['lambda', 'get-policy', '--function-name', functionName],
  );
  const statements: { Principal?: unknown; Condition?: object }[] = JSON.parse(Policy).Statement;
  // AWS writes {"Service": …}, the emulator the service alone.
  const ofRule = statements.find(({ Principal }) =>
    JSON.stringify(Principal ?? '').includes('"events.amazonaws.com"'),
  );
  assert.ok(ofRule, `EventBridge may not invoke ${functionName}`);
  assert.match(JSON.stringify(ofRule.Condition ?? {}), /:rule\//);
}
