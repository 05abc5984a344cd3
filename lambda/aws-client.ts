import type { Readable } from 'node:stream';

/** AWS credentials as the SDK takes them. */
interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What each AWS client of the function is made with, beside its own time limits. */
export interface AwsClientSettings {
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials: () => Promise<AwsCredentials>;
  readonly retryMode: 'standard';
  readonly defaultsMode: 'standard';
  readonly useFipsEndpoint: boolean;
  readonly useDualstackEndpoint: boolean;
  readonly ignoreConfiguredEndpointUrls: true;
  readonly disableClockSkewCorrection: false;
  readonly authSchemePreference: string[];
  readonly userAgentAppId: () => Promise<undefined>;
  readonly streamCollector: (stream: Readable) => Promise<Uint8Array>;
}

/**
 * Reads the settings of AWS clients from the function's environment.
 *
 * All that the SDK would look for in `~/.aws/config` is said here: Lambda has no such file, and looking for it, with
 * the modules that this takes, would cost each cold start milliseconds. Credentials come from the environment alone,
 * where Lambda puts them, and are read when a request is signed.
 *
 * `credentials` rejects with an error named `CredentialsProviderError` where there are none.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function awsClientSettings(
  environment: Readonly<Record<string, string | undefined>>,
): AwsClientSettings {
  const { AWS_REGION: region, AWS_ENDPOINT_URL: endpoint } = environment;
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: async () => readCredentials(environment),
    retryMode: 'standard',
    defaultsMode: 'standard',
    useFipsEndpoint: environment.AWS_USE_FIPS_ENDPOINT === 'true',
    useDualstackEndpoint: environment.AWS_USE_DUALSTACK_ENDPOINT === 'true',
    ignoreConfiguredEndpointUrls: true,
    disableClockSkewCorrection: false,
    authSchemePreference: [],
    userAgentAppId: async () => undefined,
    streamCollector: collect,
  };
}

function readCredentials(environment: Readonly<Record<string, string | undefined>>): AwsCredentials {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = environment;
  if (!accessKeyId || !secretAccessKey) {
    const error = new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set.');
    error.name = 'CredentialsProviderError';
    throw error;
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/**
 * The SDK's own collector asks each stream whether it is one of the web's, which loads Node's web streams; and by
 * events, because a stream's first iteration costs a cold start another millisecond.
 */
function collect(stream: Readable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    stream.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    // A connection that is cut closes the stream without ever ending it.
    stream.on('close', () => {
      if (!stream.readableEnded) reject(new Error('The answer was cut off.'));
    });
  });
}
