import { setTimeout } from 'node:timers/promises';
import {
  AddTagsToResourceCommand,
  GetParameterCommand,
  GetParametersCommand,
  type Parameter,
  PutParameterCommand,
  type PutParameterCommandInput,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { type AwsClientSettings, awsTimeLimits, faultOfAwsCall } from '../aws-client.ts';
import { errorLabel, type FailureCode, RefreshError } from '../errors.ts';
import { isTransient } from '../transient.ts';
import { contradicts, type Stored } from './planner.ts';
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
export type Parameters = ReturnType<typeof openParameters>;

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
  readonly parameterTags?: Readonly<Record<string, string>> | undefined;
  /** @default the SDK's own */
  readonly awsClient?: AwsClientSettings;
  readonly client?: SSMClient;
}) {
  const { tokenParameter, statusParameter, encryptionKeyArn, awsClient } = options;
  const requestHandler = awsTimeLimits(3_000);
  const { client = new SSMClient({ ...awsClient, maxAttempts: 3, requestHandler }) } = options;
  const Tags = Object.entries(options.parameterTags ?? {}).map(([Key, Value]) => ({ Key, Value }));
  let missing: readonly string[] = [];
  let isTagged = Tags.length === 0;

  /** Creates with tags what was not there when it was last read; overwrites everything else. */
  const put = async (
    input: PutParameterCommandInput & { readonly Name: string },
    signal: AbortSignal,
  ): Promise<number | undefined> => {
    const send = (how: Pick<PutParameterCommandInput, 'Tags' | 'Overwrite'>) =>
      retryWhileTransient(signal, () =>
        client.send(new PutParameterCommand({ ...input, ...how }), { abortSignal: signal }),
      );
    // Parameter Store takes tags at a creation only.
    const creates = Tags.length > 0 && missing.includes(input.Name);
    const { Version } = await attempt('PARAMETER_NOT_WRITTEN', 'ssm:PutParameter', input.Name, () =>
      send(creates ? { Tags } : { Overwrite: true }).catch((error) => {
        if (!creates || errorLabel(error) !== 'ParameterAlreadyExists') throw error;
        return send({ Overwrite: true });
      }),
    );
    missing = missing.filter((name) => name !== input.Name);
    return Version;
  };

  return {
    /**
     * Reads both parameters with one call, without decrypting the token.
     *
     * @throws RefreshError `PARAMETER_UNAVAILABLE`
     */
    async read({ signal }: CallOptions): Promise<Reading> {
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
      missing = [tokenParameter, statusParameter].filter((name) => byName(name) === undefined);
      const described = status?.Value === undefined ? null : parseStatus(status.Value);
      const writtenAt = { token: token?.LastModifiedDate, status: status?.LastModifiedDate };
      return {
        tokenVersion: token?.Version ?? null,
        status: described,
        ...(contradicts(described, writtenAt) ? { statusContradictsToken: true } : {}),
        awsTime,
      };
    },

    /**
     * Reads and decrypts a version of the token; null if that version no longer exists.
     *
     * @throws RefreshError `PARAMETER_UNAVAILABLE`
     */
    async readToken({ version, signal }: CallOptions & { readonly version: number }): Promise<string | null> {
      const command = new GetParameterCommand({ Name: `${tokenParameter}:${version}`, WithDecryption: true });
      const found = await attempt('PARAMETER_UNAVAILABLE', 'ssm:GetParameter', tokenParameter, () =>
        client.send(command, { abortSignal: signal }).catch((error) => {
          if (['ParameterNotFound', 'ParameterVersionNotFound'].includes(errorLabel(error))) return null;
          throw error;
        }),
      );
      return found?.Parameter?.Value ?? null;
    },

    /**
     * Stores the token and returns the version that Parameter Store gave it.
     *
     * @throws RefreshError `PARAMETER_NOT_WRITTEN`
     */
    async writeToken({
      accessToken,
      signal,
    }: CallOptions & { readonly accessToken: string }): Promise<number> {
      const version = await put(
        {
          Name: tokenParameter,
          Value: accessToken,
          Type: 'SecureString',
          // Standard up to 4,096 bytes, advanced above. "Standard" would fail after a long token has made the parameter advanced.
          Tier: 'Intelligent-Tiering',
          ...(encryptionKeyArn === undefined ? {} : { KeyId: encryptionKeyArn }),
        },
        signal,
      );
      if (version === undefined) {
        throw new RefreshError(
          'PARAMETER_NOT_WRITTEN',
          `ssm:PutParameter on ${tokenParameter} answered without a version. The next invocation tries again.`,
        );
      }
      return version;
    },

    /** @throws RefreshError `PARAMETER_NOT_WRITTEN` */
    async writeStatus({ status, signal }: CallOptions & { readonly status: Status }): Promise<void> {
      // Standard, or advanced where the account has its 10,000 standard parameters.
      const Tier = 'Intelligent-Tiering';
      await put({ Name: statusParameter, Value: serializeStatus(status), Type: 'String', Tier }, signal);
    },

    /**
     * Gives both parameters their configured tags, once. Parameters that are created here have them from the start.
     *
     * @throws RefreshError `PARAMETER_NOT_WRITTEN`
     */
    async tag({ signal }: CallOptions): Promise<void> {
      if (isTagged) return;
      for (const name of [tokenParameter, statusParameter]) {
        const command = new AddTagsToResourceCommand({ ResourceType: 'Parameter', ResourceId: name, Tags });
        await attempt('PARAMETER_NOT_WRITTEN', 'ssm:AddTagsToResource', name, () =>
          client.send(command, { abortSignal: signal }),
        );
      }
      isTagged = true;
    },
  };
}

/**
 * Writes again after a transient error, until the signal, so that a minted token is not lost: by default an account may
 * write 3 times a second, and many tokens may be due on one beat. The pauses differ, so that the functions do not all come
 * back together.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/ssm.html
 */
async function retryWhileTransient<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  let transient: unknown;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted && transient !== undefined) throw transient;
      if (!isTransient(error)) throw error;
      transient = error;
    }
    await setTimeout(500 + 1_000 * Math.random(), undefined, { signal }).catch(() => {});
    if (signal.aborted) throw transient;
  }
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
    throw new RefreshError(code, `${action} on ${name} failed: ${label}${detail}. ${remedy(label)}`, {
      fault: faultOfAwsCall(error, 'SSM', 'SSM'),
    });
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
    case 'ParameterLimitExceeded':
      return 'The account has as many parameters as Parameter Store allows in this region. Delete those that nobody uses, for example of removed stacks (aws ssm delete-parameter --name NAME), or ask AWS to raise the quota; the next invocation then writes.';
    case 'TooManyUpdates':
      return 'Somebody else writes the same parameter at the same time. The next invocation tries again. Find out who it is (CloudTrail, PutParameter).';
    case 'ThrottlingException':
      return 'Parameter Store throttled the account. The next invocation tries again. If this continues, raise its throughput setting.';
    default:
      return 'The next invocation tries again. If this continues, check the AWS Health Dashboard and invoke the function with {"diagnose":true}.';
  }
}
