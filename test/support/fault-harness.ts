import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { FaultMatch } from '../../local/aws/faults.ts';
import type { JsonObject } from '../../local/aws/operation.ts';
import {
  type FunctionHarness,
  type FunctionHarnessOptions,
  openFunctionHarness,
} from '../../local/function-harness.ts';
import { expectNoLeak } from './leaks.ts';

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

export type CallName = keyof typeof CALLS;

type Json = Readonly<Record<string, unknown>>;

/** An error as Lambda's Invoke answers it: `name` is the errorType, `payload` the whole answer. */
export type FunctionError = Error & { readonly payload: Json };

/** What one read of a job found: until when the token lives, or why it is worth nothing. */
export interface Read {
  readonly at: Date;
  readonly expiresAt?: Date;
  readonly problem?: 'missing' | 'expired' | 'refused';
}

/** The synthesized function between its servers, on a clock that a test moves. */
export interface FaultHarness extends FunctionHarness {
  /** Lets time pass on the clocks of AWS, of the readers and of the tokens. */
  advance(ms: number): void;
  /** Invokes the function, with the scheduler's event by default; answers `outcome, reason` or the error's code. */
  beat(event?: object): Promise<string>;
  /** The errors that invocations ended with. */
  readonly failures: readonly FunctionError[];
  /** The error that an invocation ends with; throws if it succeeds. */
  failure(event?: object): Promise<FunctionError>;
  /** Reads the token as a job does, and checks it with the authorization server. */
  readOnce(): Promise<Read>;
  /** Calls an operation of Parameter Store as an administrator, past all faults. */
  parameters(operation: string, input: JsonObject): JsonObject;
  /** The newest version of the stored token. */
  stored(): { readonly value: string; readonly version: number } | undefined;
  /** The stored status. */
  status(): Json;
  /** Expects no token and no secret in anything that the function wrote, answered or stored beside the token. */
  expectNoLeaks(moreSecrets?: readonly string[]): void;
  /** Expects that the synthesized policies allowed every call of the function. */
  expectAllowedCalls(): void;
}

/** Opens a harness, one minute of which passes only when a test says so. */
export async function openFaultHarness(options: FunctionHarnessOptions): Promise<FaultHarness> {
  let aheadMs = 0;
  const base = await openFunctionHarness({ ...options, aheadMs: () => aheadMs });
  const { aws, authorizationServer, tokens, now } = base;
  authorizationServer.setLifetime(3600);
  const ssm = new SSMClient({ region: aws.region, endpoint: aws.url, credentials: base.reader });
  const principal = { arn: `arn:aws:iam::${aws.accountId}:user/administrator`, policies: [] };
  const answers: string[] = [];
  const failures: FunctionError[] = [];
  const versions = (name: string) => aws.ssm.parameters.get(name)?.versions ?? [];

  const harness: FaultHarness = {
    ...base,
    advance(ms) {
      aheadMs += ms;
    },
    async invoke(event) {
      try {
        const result = await base.invoke(event);
        answers.push(JSON.stringify(result));
        return result;
      } catch (error) {
        answers.push(JSON.stringify((error as FunctionError).payload ?? String(error)));
        failures.push(error as FunctionError);
        throw error;
      }
    },
    failures,
    async beat(event = JSON.parse(base.fn.schedule.input)) {
      try {
        const { outcome, reason } = await harness.invoke(event);
        return `${outcome}, ${reason}`;
      } catch (error) {
        return (error as Error).name;
      }
    },
    async failure(event = {}) {
      const outcome = await harness.invoke(event).catch((error: FunctionError) => error);
      if (outcome instanceof Error) return outcome as FunctionError;
      throw new Error(`The invocation succeeded: ${JSON.stringify(outcome)}`);
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
      const call = { requestId: 'test', principal, now: now(), stale: false, authorize: () => {} };
      return aws.ssm.operations[operation]?.(input, call) ?? {};
    },
    stored: () => versions(TOKEN_PARAMETER).at(-1),
    status: () => JSON.parse(versions(STATUS_PARAMETER).at(-1)?.value ?? 'null'),
    expectNoLeaks(moreSecrets = []) {
      const written = [
        ...base.process.lines,
        ...answers,
        ...versions(STATUS_PARAMETER).map(({ value }) => value),
      ];
      expectNoLeak(written.join('\n'), [...tokens.keys(), ...base.clientSecrets, ...moreSecrets]);
    },
    expectAllowedCalls() {
      const own = aws.calls.filter(({ principal: caller }) => caller.includes('/refresher/'));
      expect(own.filter(({ allowed }) => !allowed)).toEqual([]);
    },
    async close() {
      ssm.destroy();
      harness.clearFaults();
      await base.close();
    },
  };
  return harness;
}

/** Lets the first `count` of these calls wait for each other, so that as many instances of the function run at once. */
export function holdUntilAllMeet(harness: FaultHarness, match: FaultMatch, count: number): void {
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  harness.aws.faults.hook('before-executing', match, () => {
    arrived += 1;
    if (arrived >= count) all.resolve();
    return all.promise;
  });
}

/** How a test's harness differs from the plain one. */
export interface TestHarnessOptions extends FunctionHarnessOptions {
  /** The test makes a policy refuse a call of the function. */
  readonly isDenied?: boolean;
  /** What else must not be in anything that the function writes. */
  readonly secrets?: readonly string[];
}

/**
 * Gives the tests of a suite their harnesses: one authorization server and one synthesis for all that need no other. After
 * each test its harnesses are closed, and nothing that came out of them may hold a secret.
 */
export function useFaultHarnesses(): (options?: TestHarnessOptions) => Promise<FaultHarness> {
  const opened: { harness: FaultHarness; options: TestHarnessOptions }[] = [];
  let plain: FunctionHarness;
  beforeAll(async () => {
    plain = await openFunctionHarness({});
  });
  afterEach(async () => {
    const ended = opened.splice(0);
    await Promise.all(ended.map(({ harness }) => harness.close()));
    for (const { harness, options } of ended) {
      harness.expectNoLeaks(options.secrets);
      if (!options.isDenied) harness.expectAllowedCalls();
    }
  });
  afterAll(() => plain.close());

  return async (options = {}) => {
    // Clients of its own need an authorization server of its own.
    const isPlain = options.knows === undefined;
    const harness = await openFaultHarness({ ...(isPlain ? { beside: plain } : {}), ...options });
    opened.push({ harness, options });
    return harness;
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
