import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import { type JsonObject, type OperationCall, operation, type Place } from './operation.ts';

/** Lambda's context of one invocation. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly invokedFunctionArn: string;
}

/** The body of a function error, as Lambda's Node.js runtime writes it. */
export interface FunctionFailure {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** The result of an invocation. */
export type InvocationOutcome = { readonly payload: unknown } | { readonly failure: FunctionFailure };

/** A function that can be invoked by name. */
export interface RegisteredFunction {
  readonly name: string;
  /** Reserved concurrency; without it the account's limit (none here) applies. */
  readonly concurrency?: number;
  invoke(event: unknown, context: InvocationContext): Promise<InvocationOutcome>;
}

interface Entry {
  readonly fn: RegisteredFunction;
  running: number;
  /** Asynchronous invocations that wait for a free slot. */
  readonly waiting: (() => void)[];
}

/** As the `EventInvokeConfig` of each function here says. */
const EVENT_MAX_AGE_MS = 60_000;

const INVOKE = {
  FunctionName: z.string().regex(/^[a-zA-Z0-9-_]{1,64}$/),
  InvocationType: z.enum(['RequestResponse', 'Event', 'DryRun']).default('RequestResponse'),
  LogType: z.literal('None').optional(),
  Payload: z.string(),
  Qualifier: z
    .string()
    .regex(/^[a-zA-Z0-9$_-]{1,128}$/)
    .optional(),
};

/**
 * Makes Lambda without any function.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function createLambda(place: Place, now: () => Date) {
  const functions = new Map<string, Entry>();
  const pending = new Set<Promise<unknown>>();

  const arnOf = (name: string) => `arn:aws:lambda:${place.region}:${place.accountId}:function:${name}`;
  const isFull = ({ fn, running }: Entry) => fn.concurrency !== undefined && running >= fn.concurrency;

  async function run(entry: Entry, event: unknown, awsRequestId: string): Promise<InvocationOutcome> {
    const { fn } = entry;
    entry.running += 1;
    try {
      return await fn.invoke(event, {
        awsRequestId,
        functionName: fn.name,
        invokedFunctionArn: arnOf(fn.name),
      });
    } catch (error) {
      return { failure: describeThrown(error) };
    } finally {
      entry.running -= 1;
      entry.waiting.shift()?.();
    }
  }

  async function runWhenFree(entry: Entry, event: unknown, call: OperationCall): Promise<void> {
    while (isFull(entry)) await new Promise<void>((resolve) => entry.waiting.push(resolve));
    if (now().getTime() - call.now.getTime() <= EVENT_MAX_AGE_MS) await run(entry, event, call.requestId);
    else entry.waiting.shift()?.();
  }

  return {
    register: (fn: RegisteredFunction): void => void functions.set(fn.name, { fn, running: 0, waiting: [] }),
    /** Resolves when every asynchronous (`Event`) invocation has ended. */
    async settled(): Promise<void> {
      while (pending.size > 0) await Promise.all(pending);
    },
    /** Invokes a function, by its ARN, as an AWS service does. */
    async invokeForService(arn: string, event: unknown): Promise<InvocationOutcome> {
      const entry = functions.get(functionName(arn));
      if (entry === undefined || isFull(entry)) {
        return { failure: { errorType: 'TooManyRequestsException', errorMessage: 'Rate Exceeded.' } };
      }
      return await run(entry, event, randomUUID());
    },
    invoke: operation(INVOKE, async (input, call): Promise<JsonObject> => {
      const { FunctionName, InvocationType, Payload, Qualifier = '$LATEST' } = input;
      const arn = [arnOf(FunctionName), Qualifier].join(':').replace(/:\$LATEST$/, '');
      call.authorize({ action: 'lambda:InvokeFunction', resource: arn });
      const entry = functions.get(FunctionName);
      // Neither versions nor aliases are published.
      if (!entry || Qualifier !== '$LATEST') {
        throw new AwsError('ResourceNotFoundException', `Function not found: ${arn}`, {
          status: 404,
          fields: { Type: 'User' },
        });
      }
      const event = parseEvent(Payload);
      if (InvocationType === 'DryRun') return { StatusCode: 204, Payload: '' };
      if (InvocationType === 'Event') {
        const invocation = runWhenFree(entry, event, call);
        pending.add(invocation);
        invocation.finally(() => pending.delete(invocation));
        return { StatusCode: 202, Payload: '' };
      }
      if (isFull(entry)) throw tooManyRequests('ReservedFunctionConcurrentInvocationLimitExceeded');
      const outcome = await run(entry, event, call.requestId);
      return 'failure' in outcome
        ? { StatusCode: 200, FunctionError: 'Unhandled', Payload: JSON.stringify(outcome.failure) }
        : { StatusCode: 200, Payload: JSON.stringify(outcome.payload ?? null) };
    }),
  };
}

/** Makes Lambda's throttling. */
export function tooManyRequests(Reason: string): AwsError {
  return new AwsError('TooManyRequestsException', 'Rate Exceeded.', {
    status: 429,
    fields: { Reason, Type: 'User' },
  });
}

/** Returns the name in a name, a partial ARN or an ARN, each with or without a qualifier. */
export function functionName(target: string): string {
  const parts = target.split(':');
  const marker = parts.indexOf('function');
  return parts[marker < 0 ? 0 : marker + 1] ?? target;
}

function parseEvent(body: string): unknown {
  if (body === '') return {};
  try {
    return JSON.parse(body);
  } catch {
    throw new AwsError('InvalidRequestContentException', 'Could not parse request body into json.', {
      fields: { Type: 'User' },
    });
  }
}

function describeThrown(error: unknown): FunctionFailure {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error) };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}
