import type { Fault } from '../../../local/aws/faults.ts';
import { CALLS, type CallName } from '../harnesses.ts';
import type { Scenario } from './scenario.ts';

const NAMES = Object.keys(CALLS) as CallName[];

const CODES: Readonly<Record<CallName, string>> = {
  GetParameters: 'PARAMETER_UNAVAILABLE',
  GetSecretValue: 'SECRET_UNAVAILABLE',
  'PutParameter token': 'PARAMETER_NOT_WRITTEN',
  'PutParameter status': 'PARAMETER_NOT_WRITTEN',
};

/** The advice in the message of a failed beat, by the fault and the call. */
const SAYS: Partial<Record<Fault['kind'], Partial<Record<CallName, RegExp>>>> = {
  deny: {
    GetParameters: /is not authorized to perform: ssm:GetParameters.*Deploy the stack again/,
    GetSecretValue: /Deploy the stack again/,
    'PutParameter token': /Deploy the stack again/,
  },
  throttle: {
    GetParameters: /raise its throughput/,
    GetSecretValue: /The next invocation tries again/,
    'PutParameter token': /The next invocation tries again/,
  },
  'server-error': { GetParameters: /The next invocation tries again/ },
};

/** A fault that a retry of the SDK overcomes: the beat succeeds. */
export function once(group: string, what: string, kind: SimpleFault, names = NAMES): Scenario[] {
  return names.map((name) => ({
    group,
    fault: `${name}: ${what}`,
    arrange: ({ aws }) => aws.faults.add({ match: CALLS[name], fault: { kind }, times: 1 }),
    answers: 'refreshed, age',
    healedAfter: 0,
  }));
}

/** A fault of every try in a beat: the beat fails, the next one succeeds. */
export function throughout(group: string, what: string, kind: SimpleFault, names = NAMES): Scenario[] {
  return names.map((name) => {
    const says = SAYS[kind]?.[name];
    return {
      group,
      fault: `${name}: ${what}`,
      arrange: ({ aws }) => aws.faults.add({ match: CALLS[name], fault: { kind } }),
      answers: CODES[name],
      ...(says && { says }),
      // A token without its status: the next invocation sees that they do not belong together.
      ...(kind === 'deny' && name === 'PutParameter status' && { healedBy: 'refreshed, version-mismatch' }),
    };
  });
}

type SimpleFault = Extract<
  Fault['kind'],
  | 'throttle'
  | 'deny'
  | 'server-error'
  | 'hang'
  | 'cut-before-executing'
  | 'cut-after-executing'
  | 'cut-half-way-through-answer'
>;
