import { once, throughout } from './aws-call-scenarios.ts';
import { testScenarios } from './test-scenarios.ts';

/** Each call to AWS is throttled or hangs, once or for a minute: the function waits, and tries again. */
testScenarios([
  ...once('hang', 'hangs once', 'hang'),
  ...throughout('hang', 'hangs for a minute', 'hang'),
  ...once('throttled', 'throttled once', 'throttle'),
  ...throughout('throttled', 'throttled for a minute', 'throttle'),
]);
