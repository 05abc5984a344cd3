import { fromEnv } from '@aws-sdk/credential-provider-env';
import { errorLabel, type Fault } from './errors.ts';

/** Settings of each AWS client of the function, besides its time limits. */
export type AwsClientSettings = ReturnType<typeof awsClientSettings>;

/**
 * Reads the settings of AWS clients from the function's environment. Credentials come only from there, where Lambda puts
 * them: the SDK's default chain would also look for them in files and on the network.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function awsClientSettings(environment: Readonly<Record<string, string | undefined>>) {
  const { AWS_REGION: region, AWS_ENDPOINT_URL: endpoint } = environment;
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: fromEnv(),
  };
}

/**
 * Makes the time limits of one attempt of an AWS call, in milliseconds, so that a hanging socket costs one attempt, not the invocation.
 * Without `throwOnRequestTimeout` the client only warns. Without `socketTimeout` a response may stall in its body.
 */
export function awsTimeLimits(requestTimeoutMs: number) {
  return {
    connectionTimeout: 2_000,
    requestTimeout: requestTimeoutMs,
    socketTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
  };
}

/** Names of the errors of a call that AWS did not accept because of the caller's credentials or permissions. */
const DENIALS = [
  'AccessDeniedException',
  'CredentialsProviderError',
  'UnrecognizedClientException',
  'ExpiredTokenException',
  'InvalidSignatureException',
];

/**
 * Tells whose fault a failed AWS call is.
 *
 * @param service the called service: its fault, if it throttled or failed
 * @param resource the fault if nothing else is known
 */
export function faultOfAwsCall(error: unknown, service: Fault, resource: Fault): Fault {
  const name = errorLabel(error);
  if (isKmsDenial(error) || /^(KMS|InvalidKeyId$|DecryptionFailure$)/.test(name)) return 'KMS';
  if (DENIALS.includes(name)) return 'IAM';
  // Node.js's codes, for instance ECONNREFUSED and CERT_HAS_EXPIRED.
  if (/^([A-Z][A-Z0-9_]+|TimeoutError|AbortError)$/.test(name)) return 'network';
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
  return status >= 500 || name === 'ThrottlingException' ? service : resource;
}

/** Whether AWS denied the use of a KMS key. Only AWS's text tells it apart from other denials. */
function isKmsDenial(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return errorLabel(error) === 'AccessDeniedException' && /\bkms:\w|Access to KMS|ciphertext/.test(text);
}
