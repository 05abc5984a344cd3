import {
  GetParameterCommand,
  GetParametersCommand,
  type Parameter,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { type AwsClientSettings, awsTimeLimits } from '../aws-client.ts';
import { errorLabel, type FailureCode, RefreshError } from '../errors.ts';
import { CLOCK_TOLERANCE_MS } from './clock.ts';
import type { Stored } from './planner.ts';
import { parseStatus, type Status, serializeStatus } from './status.ts';

/** What one read of Parameter Store returns. */
export interface Reading extends Stored {
  /** The `Date` header of the response; undefined if it had none. */
  readonly awsTime: Date | undefined;
}

interface CallOptions {
  readonly signal: AbortSignal;
}

/** The two parameters of one token. */
export interface Parameters {
  /**
   * Reads both parameters with one call, without decrypting the token.
   *
   * @throws RefreshError `PARAMETER_UNAVAILABLE`
   */
  read(options: CallOptions): Promise<Reading>;
  /**
   * Reads and decrypts a version of the token; null if that version no longer exists.
   *
   * @throws RefreshError `PARAMETER_UNAVAILABLE`
   */
  readToken(options: CallOptions & { readonly version: number }): Promise<string | null>;
  /**
   * Stores the token and returns the version that Parameter Store gave it.
   *
   * @throws RefreshError `PARAMETER_NOT_WRITTEN`
   */
  writeToken(options: CallOptions & { readonly accessToken: string }): Promise<number>;
  /** @throws RefreshError `PARAMETER_NOT_WRITTEN` */
  writeStatus(options: CallOptions & { readonly status: Status }): Promise<void>;
}

/**
 * Opens the two parameters of one token.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 */
export function openParameters(options: {
  readonly tokenParameter: string;
  readonly statusParameter: string;
  /** ARN of a customer managed key; undefined: `alias/aws/ssm`. */
  readonly encryptionKeyArn: string | undefined;
  /** @default the SDK's own */
  readonly awsClient?: AwsClientSettings;
  readonly client?: SSMClient;
}): Parameters {
  const { tokenParameter, statusParameter, encryptionKeyArn, awsClient } = options;
  const { client = createClient(awsClient) } = options;
  return {
    async read({ signal }) {
      const command = new GetParametersCommand({ Names: [tokenParameter, statusParameter] });
      let awsTime: Date | undefined;
      command.middlewareStack.add(
        (next) => async (args) => {
          const output = await next(args);
          awsTime = dateHeader(output.response);
          return output;
        },
        { step: 'deserialize', priority: 'high' },
      );
      const found = await attempt('PARAMETER_UNAVAILABLE', 'ssm:GetParameters', tokenParameter, () =>
        client.send(command, { abortSignal: signal }),
      );
      const byName = (name: string): Parameter | undefined =>
        found.Parameters?.find((one) => one.Name === name);
      const token = byName(tokenParameter);
      const status = byName(statusParameter);
      return {
        tokenVersion: token?.Version ?? null,
        status: status?.Value === undefined ? null : parseStatus(status.Value),
        ...(status !== undefined && isOlder(status, token) ? { statusPrecedesToken: true } : {}),
        awsTime,
      };
    },

    async readToken({ version, signal }) {
      const command = new GetParameterCommand({ Name: `${tokenParameter}:${version}`, WithDecryption: true });
      const found = await attempt('PARAMETER_UNAVAILABLE', 'ssm:GetParameter', tokenParameter, () =>
        client.send(command, { abortSignal: signal }).catch((error) => {
          if (['ParameterNotFound', 'ParameterVersionNotFound'].includes(errorLabel(error))) return null;
          throw error;
        }),
      );
      return found?.Parameter?.Value ?? null;
    },

    async writeToken({ accessToken, signal }) {
      const command = new PutParameterCommand({
        Name: tokenParameter,
        Value: accessToken,
        Type: 'SecureString',
        Overwrite: true,
        // Standard up to 4,096 bytes, advanced above. "Standard" would fail after a long token has made the parameter advanced.
        Tier: 'Intelligent-Tiering',
        ...(encryptionKeyArn === undefined ? {} : { KeyId: encryptionKeyArn }),
      });
      const { Version } = await attempt('PARAMETER_NOT_WRITTEN', 'ssm:PutParameter', tokenParameter, () =>
        client.send(command, { abortSignal: signal }),
      );
      if (Version === undefined) {
        throw new RefreshError(
          'PARAMETER_NOT_WRITTEN',
          `ssm:PutParameter on ${tokenParameter} answered without a version. The next invocation tries again.`,
        );
      }
      return Version;
    },

    async writeStatus({ status, signal }) {
      const command = new PutParameterCommand({
        Name: statusParameter,
        Value: serializeStatus(status),
        Type: 'String',
        Overwrite: true,
      });
      await attempt('PARAMETER_NOT_WRITTEN', 'ssm:PutParameter', statusParameter, () =>
        client.send(command, { abortSignal: signal }),
      );
    },
  };
}

function createClient(awsClient: AwsClientSettings | undefined): SSMClient {
  return new SSMClient({
    ...awsClient,
    maxAttempts: 3,
    requestHandler: awsTimeLimits(3_000),
  });
}

/** Whether the status was last written before the token. */
function isOlder(status: Parameter, token: Parameter | undefined): boolean {
  const olderByMs = (token?.LastModifiedDate?.getTime() ?? 0) - (status.LastModifiedDate?.getTime() ?? 0);
  return olderByMs > CLOCK_TOLERANCE_MS;
}

function dateHeader(response: unknown): Date | undefined {
  const header = (response as { headers?: Record<string, string> } | undefined)?.headers?.date;
  const date = new Date(header ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

async function attempt<T>(
  code: FailureCode,
  action: string,
  name: string,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    // AWS's own text is repeated only for a denial: a validation error may quote the value, which is the token.
    const label = errorLabel(error);
    const detail = label === 'AccessDeniedException' && error instanceof Error ? ` (${error.message})` : '';
    throw new RefreshError(code, `${action} on ${name} failed: ${label}${detail}. ${remedy(label)}`);
  }
}

function remedy(label: string): string {
  switch (label) {
    case 'AccessDeniedException':
      return "Deploy the stack again. If this continues, allow it in the KMS key's policy, and check permissions boundaries and SCPs.";
    case 'InvalidKeyId':
      return 'The KMS key is disabled or being deleted, or the function may not use it: enable the key, or change encryptionKeyArn.';
    case 'ParameterMaxVersionLimitExceeded':
      return 'The oldest version of the parameter has a label. Remove it (aws ssm unlabel-parameter-version); the next invocation then writes.';
    case 'HierarchyTypeMismatchException':
      return 'The parameter has another type. Delete it (aws ssm delete-parameter); the next invocation then creates it.';
    case 'ThrottlingException':
      return 'Parameter Store throttled the account. The next invocation tries again. If this continues, raise its throughput setting.';
    default:
      return 'The next invocation tries again. If this continues, check the AWS Health Dashboard and invoke the function with {"diagnose":true}.';
  }
}
