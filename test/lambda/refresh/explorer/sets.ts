import { startExecution } from './execution.ts';
import type { Explorer } from './explore-sets.ts';
import { type Scenario, scenarios } from './scenarios.ts';

/** The planner treats a changed secret as it treats `force`. */
const FEWER = { kinds: ['beat', 'force', 'minRemaining'], lifetimes: ['unequal lifetimes'] };

/** Every order of the calls of invocations, with every fault of each call. */
export const REFRESHES: Explorer<Scenario> = {
  quick: [
    ['two on one instance, two faults', scenarios({ ...FEWER, onOneInstance: true }), 2],
    ['two at once, one fault', scenarios(FEWER), 1],
    ['three beats or forced mints at once', scenarios({ ...FEWER, count: 3, kinds: ['beat', 'force'] }), 0],
  ],
  full: [
    ['two on one instance, two faults', scenarios({ onOneInstance: true }), 2],
    ['two at once, two faults', scenarios({}), 2],
    ['three at once, no fault', scenarios({ count: 3 }), 0],
    ['two at once, one live token, one fault', scenarios({ server: 'one live token' }), 1],
    ['two at once, same token, one fault', scenarios({ server: 'same token' }), 1],
    ['two at once, no probe, one fault', scenarios({ hasProbe: false }), 1],
    ['two at once, requests that cross, one fault', scenarios({ requestsCross: true }), 1],
  ],
  startExecution,
};
