import { type Config, parseConfig, policyOf } from './config.ts';
import { describeProvider, MINT_TIME_LIMIT_MS } from './contract.ts';
import type { Diagnosis } from './diagnose/diagnose.ts';
import { type RefreshError, withCode } from './errors.ts';
import { parseEvent, type Request } from './event.ts';
import { logLine } from './log-line.ts';
import type { Minter } from './mint/minter.ts';
import { createClock } from './refresh/clock.ts';
import { createMemory, type Invocation, type Observations } from './refresh/invocation.ts';
import { openParameters, type Parameters } from './refresh/parameters.ts';
import { type RefreshResult, refresh } from './refresh/refresh.ts';

/** The part of Lambda's context that is used. */
export interface InvocationContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** Reserved from the function's remaining time, to store a failure and to log. */
const RESERVE_MS = 4_000;
const RECORDING_LIMIT_MS = 2_500;

const systemNow = (): Date => new Date();
// Not `performance`: reading it loads Node's performance hooks.
const clock = createClock(systemNow, () => process.uptime() * 1_000);
const memory = createMemory();

let opened: { readonly config: Config; readonly parameters: Parameters } | undefined;
let minter: Promise<Minter> | undefined;

/**
 * The Lambda function: does what the event requests. An invocation of any kind that finds the token due replaces it first,
 * so that nobody who invokes the function in a loop keeps it from its work.
 *
 * - `refresh/refresh.ts` reads what is stored, and `refresh/planner.ts` decides whether a token is due.
 * - `mint/create-minter.ts` mints the token, as the provider's file in `providers/` describes.
 * - `refresh/store.ts` stores it, and then its status.
 *
 * @throws RefreshError whose name, Lambda's `errorType`, is the failure code
 */
export async function handler(
  event: unknown,
  context: InvocationContext,
): Promise<RefreshResult | Diagnosis> {
  const startedAt = new Date();
  const observations: Observations = { remainingMs: null, warnings: [], failure: null };
  const log = (outcome: { result: object } | { error: RefreshError }): void => {
    const line = logLine({
      tokenName: process.env.TOKEN_NAME ?? '',
      tokenParameter: process.env.TOKEN_PARAMETER ?? '',
      requestId: context.awsRequestId,
      observations,
      startedAt,
      endedAt: new Date(),
      ...outcome,
    });
    // Not console.log: Lambda would wrap the line, and CloudWatch would not find the metric in it.
    process.stdout.write(`${line}\n`);
  };
  try {
    const result = await invoke(event, context, observations);
    log({ result });
    return result;
  } catch (caught) {
    // Errors of the token endpoint and of the settings have their own codes. Other errors come from the parameters.
    const error = withCode(caught, 'PARAMETER_UNAVAILABLE');
    log({ error });
    throw error;
  }
}

async function invoke(event: unknown, context: InvocationContext, observations: Observations) {
  const limitMs = Math.max(1, Math.min(MINT_TIME_LIMIT_MS, context.getRemainingTimeInMillis() - RESERVE_MS));
  const signal = AbortSignal.timeout(limitMs);
  const start = async (what: Invocation['request'], usedMinter?: Minter) => {
    const { config, parameters } = open();
    return await refresh({
      request: what,
      parameters,
      loadMinter: async () => usedMinter ?? (await loadMinter(config)),
      hasProbe: describeProvider(config.providerSettings).probeUrl !== undefined,
      clock,
      policy: policyOf(config),
      provider: config.providerSettings.provider,
      memory,
      observations,
      signal,
      recordingSignal: () => AbortSignal.timeout(RECORDING_LIMIT_MS),
    });
  };
  let request: Request;
  try {
    request = parseEvent(event);
  } catch (invalid) {
    await start({ kind: 'beat' }).catch((caught) => {
      observations.failure = withCode(caught, 'PARAMETER_UNAVAILABLE').code;
    });
    throw invalid;
  }
  if (request.kind !== 'diagnose') return await start(request);
  const { diagnose } = await loadOnDemand();
  return await diagnose({ open, loadMinter, refresh: start, now: systemNow, clock, signal });
}

/** Reads the environment and makes what each beat needs; runs once per instance. */
function open() {
  if (opened === undefined) {
    try {
      const config = parseConfig(process.env);
      opened = { config, parameters: openParameters(config) };
    } catch (error) {
      throw withCode(error, 'CONFIG_INVALID');
    }
  }
  return opened;
}

/** Loads the lazy chunk of the bundle: Secrets Manager, the HTTP client, the providers, the diagnosis. */
const loadOnDemand = () => import('./on-demand.ts');

function loadMinter(config: Config): Promise<Minter> {
  minter ??= loadOnDemand().then(({ createMinter }) => createMinter({ config, now: clock.now }));
  minter.catch(() => {
    minter = undefined;
  });
  return minter;
}
