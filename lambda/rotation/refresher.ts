import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type AwsClientSettings, awsTimeLimits, faultOfAwsCall } from '../aws-client.ts';
import { errorLabel, RefreshError } from '../errors.ts';

/** The refresher's own time limit is 30 seconds. */
const TIMEOUT_MS = 35_000;

/** Makes the function that lets the refresher mint now. It rejects with a RefreshError if no token was stored. */
export function createMintNow(options: {
  readonly functionName: string;
  readonly awsClient: AwsClientSettings;
  readonly signal: AbortSignal;
}): () => Promise<void> {
  const { functionName: FunctionName, awsClient, signal } = options;
  // A beat that runs throttles this call: the client tries again.
  const client = new LambdaClient({
    ...awsClient,
    maxAttempts: 5,
    requestHandler: awsTimeLimits(TIMEOUT_MS),
  });
  const failed = (why: string, error?: unknown) =>
    new RefreshError(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `The refresher ${FunctionName} could not mint (${why}), so the rotation waits and nothing was changed. Invoke it with {"diagnose":true}.`,
      error === undefined ? {} : { fault: faultOfAwsCall(error, 'refresher', 'refresher') },
    );
  return async () => {
    const Payload = JSON.stringify({ force: true });
    const answer = await client
      .send(new InvokeCommand({ FunctionName, Payload }), { abortSignal: signal })
      .catch((error: unknown) => {
        throw failed(errorLabel(error), error);
      });
    if (answer.FunctionError === undefined) return;
    const { errorType } = JSON.parse(answer.Payload?.transformToString() || '{}');
    throw failed(/^[A-Z_]+$/.test(errorType) ? errorType : 'it failed');
  };
}
