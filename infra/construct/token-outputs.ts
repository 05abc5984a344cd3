import { CfnOutput } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type Guarantee, LATE_BEATS_COST_MS } from '../../lambda/contract.ts';
import { durationText } from './duration-text.ts';
import type { TokenRefresher } from './token-refresher.ts';

/** Prints what a person needs next, as commands to paste (AWS CLI v2). No secret ever stands in a command. */
export function createTokenOutputs(scope: Construct, prefix: string, refresher: TokenRefresher): void {
  const output = (key: string, description: string, value: string): void => {
    new CfnOutput(scope, `${prefix}${key}`, { description, value });
  };
  const functionName = refresher.function.functionName;
  const invoke = (event: object): string =>
    `aws lambda invoke --function-name ${functionName} --cli-binary-format raw-in-base64-out --payload '${JSON.stringify(event)}' /dev/stdout`;

  output('TokenParameter', 'Parameter that holds the token (SecureString)', refresher.tokenParameterName);
  output('StatusParameter', 'Parameter that holds its status (JSON)', refresher.statusParameterName);
  output(
    'StoreSecret',
    `Stores the client secret and mints at once; client.json holds ${shapeOf(refresher.secretKeys)}`,
    `aws secretsmanager put-secret-value --secret-id ${refresher.secret.secretArn} --secret-string file://client.json`,
  );
  output('ForceRefresh', 'Mints a token now', invoke({ force: true }));
  output('Diagnose', 'Tries every step and says what is wrong; changes nothing', invoke({ diagnose: true }));
  output(
    'ReadToken',
    'Prints the token',
    `aws ssm get-parameter --name ${refresher.tokenParameterName} --with-decryption --query Parameter.Value --output text`,
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
