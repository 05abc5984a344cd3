import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { FirstMintProperties } from '../contract.ts';
import type { CloudFormationEvent } from './cloudformation.ts';
import { NotYet, type Pause, untilAllowed } from './until-allowed.ts';

/** How the first mint ended: the error code of the refresher, or why it could not be invoked. */
type Outcome = { readonly minted: true } | { readonly minted: false; readonly code: string };

/** What a first mint works with. */
export interface FirstMintClients {
  readonly ssm: SSMClient;
  readonly lambda: LambdaClient;
  readonly pause: Pause;
}

/**
 * Mints a token while the stack is created or updated.
 *
 * A failure of the mint does not fail the deployment: a secret without a value or a token endpoint that is down is the
 * next invocation's work. One case does: the encryption key is another one now, a token is stored, and it could not be encrypted
 * with the new key. The deployment would go on to take the old key away from the readers.
 *
 * @throws Error in that case
 */
export async function mintFirstToken(
  clients: FirstMintClients,
  event: CloudFormationEvent<FirstMintProperties>,
): Promise<void> {
  const { ResourceProperties, OldResourceProperties } = event;
  const outcome = await invokeUntilAllowed(clients, ResourceProperties.FunctionName);
  process.stdout.write(
    `${JSON.stringify({ resource: event.LogicalResourceId, request: event.RequestType, outcome })}\n`,
  );
  const wanted = ResourceProperties.EncryptionKey;
  const before = OldResourceProperties?.EncryptionKey;
  if (before === undefined || before === wanted) return;
  const stored = await storedEncryptionKey(clients.ssm, ResourceProperties.StatusParameter);
  if (stored === undefined || stored === wanted) return;
  const why = outcome.minted ? 'the new token was not stored' : `minting failed with ${outcome.code}`;
  throw new Error(
    `The token is still encrypted with ${describeKey(stored)}, not with ${describeKey(wanted)}: ${why}. The deployment stops here, so that every reader keeps the key that it needs. Invoke ${ResourceProperties.FunctionName} with {"diagnose":true}, cure what it names, and deploy again.`,
  );
}

async function invokeUntilAllowed(
  { lambda, pause }: FirstMintClients,
  functionName: string,
): Promise<Outcome> {
  try {
    return await untilAllowed(pause, () => invoke(lambda, functionName));
  } catch (error) {
    return { minted: false, code: error instanceof NotYet ? error.code : (error as Error).name };
  }
}

/** @throws NotYet where the refresher itself was denied something: its role is as new as this deployment */
async function invoke(client: LambdaClient, functionName: string): Promise<Outcome> {
  const { FunctionError, Payload } = await client.send(
    new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ force: true }) }),
  );
  if (FunctionError === undefined) return { minted: true };
  const { errorType = 'UNKNOWN', errorMessage = '' } = JSON.parse(Payload?.transformToString() || '{}');
  if (/\bAccessDenied/.test(errorMessage)) throw new NotYet(errorType);
  return { minted: false, code: errorType };
}

/** The ARN of the key that the stored token is encrypted with, empty for AWS's; undefined where there is no token, or an older status. */
async function storedEncryptionKey(client: SSMClient, statusParameter: string): Promise<string | undefined> {
  const { Parameters = [] } = await client.send(new GetParametersCommand({ Names: [statusParameter] }));
  try {
    const { tokenVersion, encryptionKey } = JSON.parse(Parameters[0]?.Value ?? '{}');
    if (typeof tokenVersion !== 'number' || encryptionKey === undefined) return undefined;
    return encryptionKey === null ? '' : String(encryptionKey);
  } catch {
    return undefined;
  }
}

function describeKey(arn: string): string {
  return arn === '' ? 'the AWS managed key alias/aws/ssm' : arn;
}
