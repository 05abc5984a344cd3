import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type Guarantee, LATE_BEATS_COST_MS } from '../../lambda/contract.ts';
import { durationText } from './duration-text.ts';
import type { TokenRefresher } from './token-refresher.ts';

/** Prints what a person needs next, as commands to paste; both versions of the AWS CLI take them. No command contains a secret. */
export function createTokenOutputs(scope: Construct, prefix: string, refresher: TokenRefresher): void {
  const output = (key: string, description: string, value: string): void => {
    new CfnOutput(scope, `${prefix}${key}`, { description, value });
  };
  const { region } = Stack.of(scope);
  const functionName = refresher.function.functionName;
  // `--payload` with JSON itself needs an option that version 1 does not know; a file of bytes is the same to both.
  const invoke = (event: object): string =>
    `echo '${JSON.stringify(event)}' | aws lambda invoke --region ${region} --function-name ${functionName} --payload fileb:///dev/stdin /dev/stdout`;

  output('TokenParameter', 'Parameter that holds the token (SecureString)', refresher.tokenParameterName);
  output('StatusParameter', 'Parameter that holds its status (JSON)', refresher.statusParameterName);
  output(
    'StoreSecret',
    `Stores the client secret and mints at once; client.json holds ${shapeOf(refresher.secretKeys)}; delete it afterwards`,
    `aws secretsmanager put-secret-value --region ${region} --secret-id ${refresher.secret.secretArn} --secret-string file://client.json`,
  );
  output('ForceRefresh', 'Mints a token now', invoke({ force: true }));
  output(
    'Diagnose',
    'Tries every step, mints a token that is not stored, and says what is wrong',
    invoke({ diagnose: true }),
  );
  output(
    'ReadToken',
    'Prints the token',
    `aws ssm get-parameter --region ${region} --name ${refresher.tokenParameterName} --with-decryption --query Parameter.Value --output text`,
  );
  output('Guarantee', 'What readers are promised', describeGuarantee(refresher.guarantee));
}

function shapeOf(keys: readonly string[]): string {
  return `{${keys.map((key) => `"${key}": "..."`).join(', ')}}`;
}

function describeGuarantee({ floorMs, outageToleranceMs, job }: Guarantee): string {
  const sentences = [
    `A reader finds at least ${durationText(floorMs)} of remaining life.`,
    `The token endpoint may fail for ${durationText(outageToleranceMs)} before the token dies.`,
  ];
  if (job !== null) {
    sentences.push(
      `A job that reads once and uses the token for up to ${durationText(job.longestJobMs)} never outlives it, also if the token endpoint fails for ${durationText(job.outageToleranceMs)}.`,
    );
  }
  sentences.push(
    `Where EventBridge Scheduler is a minute late, outages may last up to ${durationText(LATE_BEATS_COST_MS)} less.`,
  );
  return sentences.join(' ');
}
