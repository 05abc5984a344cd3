import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import { type JsonObject, operation, type Place } from './operation.ts';

/** Lambda's context of one invocation. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly invokedFunctionArn: string;
}

/** The result of an invocation; of a failed one as Lambda's Node.js runtime writes it. */
export type InvocationOutcome =
  | { readonly payload: unknown }
  | { readonly failure: { readonly errorType: string; readonly errorMessage: string } };

/** A function that can be invoked by name. */
interface RegisteredFunction {
  readonly name: string;
  /** Reserved concurrency; without it the account's limit (none here) applies. */
  readonly concurrency?: number;
  invoke(event: unknown, context: InvocationContext): Promise<InvocationOutcome>;
}

/** The functions of the account. */
export type Lambda = ReturnType<typeof createLambda>;

/**
 * Makes Lambda without any function. It has neither versions nor aliases, and no asynchronous invocations.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function createLambda(place: Place) {
  const functions = new Map<string, { readonly fn: RegisteredFunction; running: number }>();
  const arnOf = (name: string) => `arn:aws:lambda:${place.region}:${place.accountId}:function:${name}`;

  /** Undefined: there is no such function, or its reserved concurrency is used up. */
  async function run(name: string, event: unknown, awsRequestId: string) {
    const entry = functions.get(name);
    if (entry === undefined || entry.running === entry.fn.concurrency) return undefined;
    entry.running += 1;
    const context = { awsRequestId, functionName: name, invokedFunctionArn: arnOf(name) };
    return await entry.fn.invoke(event, context).finally(() => {
      entry.running -= 1;
    });
  }

  return {
    register: (fn: RegisteredFunction): void => void functions.set(fn.name, { fn, running: 0 }),
    /** Invokes a function, by its ARN, as an AWS service does. */
    async invokeForService(arn: string, event: unknown): Promise<InvocationOutcome> {
      const failure = { errorType: 'TooManyRequestsException', errorMessage: 'Rate Exceeded.' };
      return (await run(functionName(arn), event, randomUUID())) ?? { failure };
    },
    operations: {
      Invoke: operation(
        { FunctionName: z.string().regex(/^[a-zA-Z0-9-_]{1,64}$/), Payload: z.string() },
        async ({ FunctionName: name, Payload }, call): Promise<JsonObject> => {
          const resource = arnOf(name);
          call.authorize({ action: 'lambda:InvokeFunction', resource });
          if (!functions.has(name))
            throw new AwsError('ResourceNotFoundException', `Function not found: ${resource}`, 404);
          const outcome = await run(name, JSON.parse(Payload || '{}'), call.requestId);
          if (outcome === undefined) throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
          return 'failure' in outcome
            ? { FunctionError: 'Unhandled', Payload: JSON.stringify(outcome.failure) }
            : { Payload: JSON.stringify(outcome.payload ?? null) };
        },
      ),
    },
  };
}

/** Returns the name in a name, a partial ARN or an ARN. */
export function functionName(target: string): string {
  const parts = target.split(':');
  return parts[parts.indexOf('function') + 1] ?? target;
}
