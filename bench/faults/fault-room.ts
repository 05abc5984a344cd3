import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { FaultMatch } from '../../local/aws/faults.ts';
import type { JsonObject } from '../../local/aws/operation.ts';
import {
  type FunctionHarness,
  type FunctionHarnessOptions,
  openFunctionHarness,
} from '../../local/function-harness.ts';

export const TOKEN_PARAMETER = '/ci/demo/access-token';
export const STATUS_PARAMETER = '/ci/demo/token-status';
export const MINUTE_MS = 60_000;

/** The calls that the function makes, to put a fault at one of them. None of them is a reader's. */
export const CALLS = {
  GetParameters: { operation: 'GetParameters' },
  GetSecretValue: { operation: 'GetSecretValue' },
  'PutParameter token': { operation: 'PutParameter', name: TOKEN_PARAMETER },
  'PutParameter status': { operation: 'PutParameter', name: STATUS_PARAMETER },
} as const satisfies Record<string, FaultMatch>;

/** What one read of a job found: until when the token lives, or why it is worth nothing. */
export interface Read {
  readonly at: Date;
  readonly expiresAt?: Date;
  readonly problem?: 'missing' | 'expired' | 'refused';
}

/** A machine room whose minutes pass when the scenario lets them. */
export interface FaultRoom extends FunctionHarness {
  /** Lets time pass on the clocks of AWS, of the readers and of the tokens. */
  advance(ms: number): void;
  /** Invokes the function, the scheduler's event unless told otherwise; answers `outcome reason` or the error's code. */
  beat(event?: object): Promise<string>;
  /** Reads the token as a job does, and checks it with the authorization server. */
  readOnce(): Promise<Read>;
  /** Calls an operation of Parameter Store as an administrator, past all faults. */
  parameters(operation: string, input: JsonObject): JsonObject;
}

/** Starts a room beside `base`, one minute of which passes only when told. */
export async function startFaultRoom(
  base: FunctionHarness,
  options: FunctionHarnessOptions,
): Promise<FaultRoom> {
  let aheadMs = 0;
  const room = await openFunctionHarness({ ...options, beside: base, aheadMs: () => aheadMs });
  const { aws, authorizationServer, tokens, now } = room;
  authorizationServer.setLifetime(3600);
  const ssm = new SSMClient({ region: aws.region, endpoint: aws.url, credentials: room.reader });
  const principal = { arn: `arn:aws:iam::${aws.accountId}:user/administrator`, policies: [] };

  return {
    ...room,
    advance(ms) {
      aheadMs += ms;
    },
    async beat(event = JSON.parse(room.fn.schedule.input)) {
      try {
        const { outcome, reason } = await room.invoke(event);
        return `${outcome}, ${reason}`;
      } catch (error) {
        return (error as Error).name;
      }
    },
    async readOnce() {
      const at = now();
      const value = await readParameter(ssm, TOKEN_PARAMETER);
      if (value === undefined) return { at, problem: 'missing' };
      const expiresAt = tokens.get(value);
      if (expiresAt !== undefined && expiresAt <= at) return { at, problem: 'expired' };
      const { active } = await authorizationServer.introspect(value);
      return active && expiresAt !== undefined ? { at, expiresAt } : { at, problem: 'refused' };
    },
    parameters(operation, input) {
      const call = { requestId: 'scenario', principal, now: now(), stale: false, authorize: () => {} };
      return aws.ssm.operations[operation]?.(input, call) ?? {};
    },
    async close() {
      ssm.destroy();
      await room.close();
    },
  };
}

async function readParameter(ssm: SSMClient, name: string): Promise<string | undefined> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
    return Parameter?.Value;
  } catch (error) {
    if (['ParameterNotFound', 'InvalidKeyId'].includes((error as Error).name)) return undefined;
    throw error;
  }
}
