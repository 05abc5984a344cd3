import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { FirstMintProperties } from '../contract.ts';
import type { CloudFormationEvent } from './cloudformation.ts';
import { type Pause, retry } from './retry.ts';

/** How the first mint ended: the function's error code, or why the function could not be invoked. */
type Outcome = { readonly minted: true } | { readonly minted: false; readonly code: string };

/** What a first mint needs. */
export interface FirstMintClients {
  readonly ssm: SSMClient;
  readonly lambda: LambdaClient;
  readonly pause: Pause;
}

/**
 * Mints a token while the stack is created or updated.
 *
 * A failed mint does not fail the deployment: if the secret has no value or the token endpoint is down, the next
 * invocation tries again. There is one exception: the encryption key has changed, a token is stored, and it could not be
 * encrypted with the new key. The deployment would then remove the readers' permission for the old key.
 *
 * @throws Error in that case
 */
export async function mintFirstToken(
  clients: FirstMintClients,
  event: CloudFormationEvent<FirstMintProperties>,
): Promise<void> {
  const { ResourceProperties, OldResourceProperties } = event;
  const outcome = await tryToInvoke(clients, ResourceProperties.FunctionName);
  process.stdout.write(
    `${JSON.stringify({ resource: event.LogicalResourceId, request: event.RequestType, outcome })}\n`,
  );
  const wanted = ResourceProperties.EncryptionKey;
  const before = OldResourceProperties?.EncryptionKey;
  if (before === undefined || before === wanted) return;
  const stored = await retry(clients.pause, () =>
    storedEncryptionKey(clients.ssm, ResourceProperties.StatusParameter),
  );
  if (stored === undefined || stored === wanted) return;
  const why = outcome.minted ? 'the new token was not stored' : `minting failed with ${outcome.code}`;
  throw new Error(
    `The token is still encrypted with ${describeKey(stored)}, not with ${describeKey(wanted)}: ${why}. The deployment stops here, so that every reader can still decrypt the token. Invoke ${ResourceProperties.FunctionName} with {"diagnose":true}, correct what it reports, and deploy again.`,
  );
}

async function tryToInvoke({ lambda, pause }: FirstMintClients, functionName: string): Promise<Outcome> {
  try {
    return await retry(pause, () => invoke(lambda, functionName));
  } catch (error) {
    return { minted: false, code: (error as Error).name };
  }
}

/** @throws Error named as AWS's, if AWS denied a call of the refresher, whose permissions may be new, or throttled it */
async function invoke(client: LambdaClient, functionName: string): Promise<Outcome> {
  const { FunctionError, Payload } = await client.send(
    new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ force: true }) }),
  );
  if (FunctionError === undefined) return { minted: true };
  const { errorType = 'UNKNOWN', errorMessage = '' } = JSON.parse(Payload?.transformToString() || '{}');
  const [name] = /\b(AccessDeniedException|ThrottlingException|TooManyUpdates)\b/.exec(errorMessage) ?? [];
  if (name !== undefined) throw Object.assign(new Error(errorType), { name });
  return { minted: false, code: errorType };
}

/** The ARN of the key that encrypts the stored token, empty for the AWS managed key; undefined without a token, or with an older status. */
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
