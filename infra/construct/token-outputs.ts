import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type Guarantee, LATE_BEATS_COST_MS } from '../../lambda/contract.ts';
import { durationText } from '../rules/duration-text.ts';
import { ConfigurationError } from './configuration-error.ts';
import { invokeCommand, secretIdOf } from './invocations.ts';
import type { TokenRefresher } from './token-refresher.ts';

/** Adds stack outputs: commands to paste that both versions of the AWS CLI accept. No command contains a secret. */
export function createTokenOutputs(scope: Construct, prefix: string, refresher: TokenRefresher): void {
  // A JavaScript app has no types.
  if (Object(refresher).tokenParameterName === undefined) {
    throw new ConfigurationError(
      'createTokenOutputs(scope, prefix, refresher): the third argument is not a TokenRefresher',
    );
  }
  const output = (key: string, description: string, value: string): void => {
    new CfnOutput(scope, `${prefix}${key}`, { description, value });
  };
  const { region } = Stack.of(scope);
  const invoke = (event: object) => invokeCommand(scope, refresher.function.functionName, event);

  output('TokenParameter', 'Parameter that holds the token (SecureString)', refresher.tokenParameterName);
  output('StatusParameter', 'Parameter that holds its status (JSON)', refresher.statusParameterName);
  const shape = refresher.secretKeys.map((key) => `"${key}": "..."`).join(', ');
  output('ClientJson', 'Write this into client.json, with your values', `{${shape}}`);
  output(
    'StoreSecret',
    'Stores client.json as the client secret; a token is minted at once. Delete the file afterwards',
    `aws secretsmanager put-secret-value --region ${region} --secret-id ${secretIdOf(refresher.secret)} --secret-string file://client.json`,
  );
  output('ForceRefresh', 'Mints a token now', invoke({ force: true }));
  output(
    'Diagnose',
    'Tries every step without storing anything, and says what is wrong',
    invoke({ diagnose: true }),
  );
  if (refresher.rotationFunction !== undefined) {
    output(
      'CheckRotation',
      'Checks what a rotation of the client secret needs, and changes nothing',
      invokeCommand(scope, refresher.rotationFunction.functionName, { check: true }),
    );
    output(
      'RotateSecret',
      'Rotates the client secret now',
      `aws secretsmanager rotate-secret --region ${region} --secret-id ${secretIdOf(refresher.secret)}`,
    );
  }
  output(
    'ReadToken',
    'Prints the token',
    `aws ssm get-parameter --region ${region} --name ${refresher.tokenParameterName} --with-decryption --query Parameter.Value --output text`,
  );
  output(
    'Guarantee',
    'Remaining life that each reader gets, and how long the token endpoint may fail',
    describeGuarantee(refresher.guarantee),
  );
}

function describeGuarantee({ floorMs, outageToleranceMs, job }: Guarantee): string {
  const sentences = [
    `Each token read has at least ${durationText(floorMs)} left.`,
    `If the token endpoint fails, jobs still read a live token for at least ${durationText(outageToleranceMs)}.`,
  ];
  if (job !== null) {
    sentences.push(
      `A job that reads the token once and uses it for up to ${durationText(job.longestJobMs)} never outlives it, even if the token endpoint fails for ${durationText(job.outageToleranceMs)}.`,
    );
  }
  sentences.push(
    `If EventBridge Scheduler is a minute late, an outage may last up to ${durationText(LATE_BEATS_COST_MS)} less.`,
  );
  return sentences.join(' ');
}
