import assert from 'node:assert/strict';
import { type Call, expectRole } from './deployed-policies.ts';
import { type StackResource, stackResources } from './deployed-stack.ts';
import { functionOf, pathOf, type Stage } from './stage.ts';

/**
 * Reads the deployed roles and permissions back and evaluates them: who has to make which call, and that nobody
 * reaches another token. The emulator evaluates no policy, so this is what notices a missing grant there.
 */
export async function checkGrants(stage: Stage, tokens: readonly string[]): Promise<void> {
  const { steps, names, aws } = stage;
  const { Account: account } = await aws.call<{ Account: string }>('sts', 'get-caller-identity');
  const resources = await stackResources(stage);
  const arns = (token: string) => arnsOf(stage, account, token);
  const secrets = new Map<string, Secret>();
  for (const token of tokens) secrets.set(token, await secretKnownTo(stage, token));
  const secretOf = (token: string): string => secrets.get(token)?.arn ?? '';
  const secretArns = new Map(
    [...secrets.values()].filter(({ id }) => !id.startsWith('arn:')).map(({ id, arn }) => [id, arn]),
  );

  for (const token of tokens) {
    const others = tokens.filter((other) => other !== token);
    await steps.step(`grants of ${token}: function, schedule, rule`, async () => {
      const { fn, parameters } = arns(token);
      const config = await functionConfiguration(stage, functionOf(stage, token));
      const logStream = `arn:aws:logs:${stage.target.region}:${account}:log-group:${config.LoggingConfig.LogGroup}:log-stream:any`;
      await expectRole(stage, config.Role, {
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
      await expectRole(stage, await scheduleRoleOf(stage, resources, fn), {
        service: 'scheduler.amazonaws.com',
        secretArns,
        needs: [['lambda:InvokeFunction', fn]],
        mustNot: others.map((other): Call => ['lambda:InvokeFunction', arns(other).fn]),
      });
      await expectRuleMayInvoke(stage, functionOf(stage, token));
    });
  }

  await steps.step('grants of the deployment: first mint and clean-up', async () => {
    const name = resources.find(
      ({ ResourceType, PhysicalResourceId }) =>
        ResourceType === 'AWS::Lambda::Function' &&
        !tokens.some((token) => PhysicalResourceId === functionOf(stage, token)),
    )?.PhysicalResourceId;
    const { Role } = await functionConfiguration(stage, name ?? '');
    await expectRole(stage, Role, {
      service: 'lambda.amazonaws.com',
      secretArns,
      needs: tokens.flatMap((token): Call[] => [
        ['lambda:InvokeFunction', arns(token).fn],
        ...arns(token).parameters.map((one): Call => ['ssm:DeleteParameters', one]),
      ]),
      mustNot: tokens.map((token): Call => ['ssm:GetParameters', arns(token).parameters[0]]),
    });
  });

  await steps.step('grants of the CI job: reads its token, asks for a refresh, nothing else', async () => {
    const { fn, parameters } = arns('filled');
    await expectRole(stage, `arn:aws:iam::${account}:role/${names.readerRole}`, {
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

function arnsOf(stage: Stage, account: string, token: string) {
  const { region } = stage.target;
  const parameter = `arn:aws:ssm:${region}:${account}:parameter${pathOf(stage, token)}`;
  return {
    fn: `arn:aws:lambda:${region}:${account}:function:${functionOf(stage, token)}`,
    parameters: [`${parameter}/access-token`, `${parameter}/token-status`] as const,
  };
}

interface FunctionConfiguration {
  readonly Role: string;
  readonly LoggingConfig: { readonly LogGroup: string };
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
}

function functionConfiguration({ aws }: Stage, name: string): Promise<FunctionConfiguration> {
  return aws.call('lambda', 'get-function-configuration', '--function-name', name);
}

/** A secret as the function knows it, and its complete ARN. */
export interface Secret {
  readonly id: string;
  readonly arn: string;
}

/** The secret that a token's function reads. */
export async function secretKnownTo(stage: Stage, token: string): Promise<Secret> {
  const { Environment } = await functionConfiguration(stage, functionOf(stage, token));
  const id = Environment.Variables.SECRET_ARN ?? '';
  const { ARN } = await stage.aws.call<{ ARN: string }>(
    ...['secretsmanager', 'describe-secret', '--secret-id', id],
  );
  return { id, arn: ARN };
}

async function scheduleRoleOf(
  { aws }: Stage,
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

async function expectRuleMayInvoke({ aws }: Stage, functionName: string): Promise<void> {
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
