import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { FirstMintProperties } from '../contract.ts';
import { parseStatus, type TokenDescription } from '../refresh/status.ts';
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
 * invocation tries again. The exception is an update that would take a live token away from its readers, see {@link lossOf}.
 * Resources that depend on this one, and the deletions at the end of an update, then never happen.
 *
 * @throws Error in that case
 */
export async function mintFirstToken(
  clients: FirstMintClients,
  event: CloudFormationEvent<FirstMintProperties>,
): Promise<void> {
  const { ResourceProperties: now, OldResourceProperties: before } = event;
  const outcome = await tryToInvoke(clients, now.FunctionName);
  process.stdout.write(
    `${JSON.stringify({ resource: event.LogicalResourceId, request: event.RequestType, outcome })}\n`,
  );
  // A token that was minted is stored. In a rollback the function may still have the settings that are taken back: its next invocation mints again.
  if (before === undefined || outcome.minted) return;
  const loss = await lossOf(clients, now, before, outcome.code);
  if (loss === undefined) return;
  throw new Error(
    `${loss.problem}: minting failed with ${outcome.code}. The deployment stops here, so that ${loss.kept}. Invoke ${before.FunctionName ?? now.FunctionName} with {"diagnose":true}, correct what it reports, and deploy again.${loss.hint ?? ''}`,
  );
}

/** What an update would take from the readers, and what they keep because it stops. */
interface Loss {
  readonly problem: string;
  readonly kept: string;
  readonly hint?: string;
}

/**
 * Finds out whether readers would lose a live token, after a mint that failed. The update may be a rollback too: CloudFormation does not say.
 *
 * - Other parameters: the old ones have a live token, the new ones have none.
 * - Another key: the token is encrypted with another one than the configured, whose permission would be removed.
 * - Another secret: it has no usable value, so that nothing would replace the stored token.
 */
async function lossOf(
  { ssm, pause }: FirstMintClients,
  now: FirstMintProperties,
  before: Partial<FirstMintProperties>,
  code: string,
): Promise<Loss | undefined> {
  const readLive = (name: string) => retry(pause, () => readLiveToken(ssm, name));
  const isChanged = (key: keyof FirstMintProperties) => (before[key] ?? now[key]) !== now[key];
  if (isChanged('StatusParameter')) {
    const from = before.StatusParameter ?? '';
    if ((await readLive(now.StatusParameter)) || !(await readLive(from))) return undefined;
    const problem = `${now.StatusParameter} describes no live token, but ${from} does`;
    return { problem, kept: 'the token that readers use now is not deleted' };
  }
  if (isChanged('EncryptionKey')) {
    // Null: AWS's own key; undefined without a token, or with a status of an older release.
    const key = (await readLive(now.StatusParameter))?.encryptionKey;
    if (key === undefined || (key ?? '') === now.EncryptionKey) return undefined;
    return {
      problem: `The token is still encrypted with ${describeKey(key)}, not with ${describeKey(now.EncryptionKey)}`,
      kept: 'every reader can still decrypt the token',
    };
  }
  const isUnusable = ['SECRET_UNAVAILABLE', 'SECRET_MALFORMED'].includes(code);
  if (!isChanged('Secret') || !isUnusable || !(await readLive(now.StatusParameter))) return undefined;
  return {
    problem: `No token can be minted with the secret ${now.Secret}`,
    kept: 'the secret that was used before stays in use',
    hint: ' A secret that this deployment makes has no value yet: make a secret with a value, and name it by secretName or secretArn.',
  };
}

async function tryToInvoke({ lambda, pause }: FirstMintClients, functionName: string): Promise<Outcome> {
  try {
    return await retry(pause, () => invoke(lambda, functionName));
  } catch (error) {
    const { name, errorType = name } = error as Error & { readonly errorType?: string };
    return { minted: false, code: errorType };
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
  if (name !== undefined) throw Object.assign(new Error(errorType), { name, errorType });
  return { minted: false, code: errorType };
}

/** The token that a status describes, if it is live. */
async function readLiveToken(client: SSMClient, name: string): Promise<TokenDescription | undefined> {
  const { Parameters = [] } = await client.send(new GetParametersCommand({ Names: [name] }));
  const token = parseStatus(Parameters[0]?.Value ?? '')?.token;
  return token && token.expiresAt > new Date() ? token : undefined;
}

function describeKey(arn: string | null): string {
  return arn || 'the AWS managed key alias/aws/ssm';
}
