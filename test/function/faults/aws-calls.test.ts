import type { CallName } from '../harnesses.ts';
import { once, throughout } from './aws-call-scenarios.ts';
import { testScenarios } from './test-scenarios.ts';

const WRITES = ['PutParameter token', 'PutParameter status'] as const satisfies CallName[];

/** Each call to AWS fails in each way, once or for a minute. */
testScenarios([
  ...once('cut', 'connection cut, nothing executed', 'cut-before-executing'),
  ...once('cut', 'answer cut in half', 'cut-half-way-through-answer'),
  ...throughout('cut', 'each answer cut in half, for a minute', 'cut-half-way-through-answer'),
  ...once('lost', 'executed, answer lost, retried', 'cut-after-executing', WRITES),
  ...throughout('lost', 'executed each time, each answer lost', 'cut-after-executing', WRITES),
  ...throughout('denied', 'denied for a minute', 'deny'),
  ...throughout('5xx', 'HTTP 500 for a minute', 'server-error'),
]);
