import { type Duration, type IResource, type ResourceEnvironment, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  createSettingsReader,
  DEFAULT_REFRESH_INTERVAL_MS,
  didYouMean,
  PROVIDERS,
  type ProviderSettings,
  readProviderSettings,
  show,
} from '../../lambda/contract.ts';
import { type FunctionProps, functionProblems } from './check-function-props.ts';
import { ConfigurationError } from './configuration-error.ts';
import { longestJobProblem } from './longest-job.ts';
import { functionNameOf, functionNameProblem, PREFIX, TOKEN_NAME } from './names.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from './own-place.ts';
import { type ParameterTags, tagProblems } from './parameter-tags.ts';
import { marginProblem, timeLimits } from './times.ts';

interface CheckedProps extends FunctionProps {
  readonly tokenName: string;
  readonly provider: ProviderSettings;
  readonly refreshInterval?: Duration;
  readonly expectedLifetime?: Duration;
  readonly assumedLifetime?: Duration;
  readonly longestJob?: Duration;
  readonly tags?: ParameterTags;
  readonly secret: IResource;
  readonly encryptionKey?: IResource;
  readonly logEncryptionKey?: IResource;
  readonly alarmTopic?: IResource;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4_096;

/**
 * Checks the construct's props as the configuration checks cdk.json. A JavaScript app has no types, so that each value
 * may be anything.
 *
 * @throws ConfigurationError with all problems
 */
export function checkProps(scope: Construct, props: CheckedProps, prefix: string): void {
  throwProblems(scope, [
    ...nameProblems(props, prefix),
    ...providerProblems(props.provider),
    ...timeProblems(props),
    ...functionProblems(props, known(Stack.of(scope)).region),
    ...placeProblems(scope, props),
    ...(props.tags === undefined ? [] : tagProblems(props.tags)).map(
      ({ key, message }) => `tags${key === '' ? '' : ` "${key}"`}: ${message}`,
    ),
  ]);
}

/** Checks the size of the function's environment. @throws ConfigurationError */
export function checkEnvironment(scope: Construct, environment: object): void {
  const bytes = Buffer.byteLength(JSON.stringify(Stack.of(scope).resolve(environment)));
  if (bytes <= ENVIRONMENT_BYTES) return;
  throwProblems(scope, [
    `the settings need about ${bytes} bytes of environment variables; Lambda's limit is ${ENVIRONMENT_BYTES}: shorten scope, resource, parameters or tags`,
  ]);
}

function throwProblems(scope: Construct, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new ConfigurationError(`TokenRefresher "${scope.node.path}": ${problems.join('; ')}`);
}

function nameProblems({ tokenName, functionName }: CheckedProps, prefix: unknown): string[] {
  const problems: string[] = [];
  if (typeof tokenName !== 'string' || !TOKEN_NAME.test(tokenName)) {
    problems.push(`tokenName ${show(tokenName)} is not ${TOKEN_NAME.rule}`);
  }
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    problems.push(`parameterPrefix ${show(prefix)} is not ${PREFIX.rule}`);
  } else if (functionName === undefined) {
    const problem = functionNameProblem(functionNameOf(prefix, tokenName));
    if (problem !== undefined) problems.push(`tokenName ${show(tokenName)} ${problem}`);
  }
  return problems;
}

/** Values that only the deployment knows cannot be checked. */
function providerProblems(settings: unknown): string[] {
  if (typeof settings !== 'object' || settings === null) {
    return [`provider ${show(settings)} is not an object like {"provider": "genesys-cloud", "region": …}`];
  }
  if (Token.isUnresolved(JSON.stringify(settings))) return [];
  const problems: string[] = [];
  const reader = createSettingsReader({ ...settings }, (key, message) =>
    problems.push(`provider.${key}: ${message}`),
  );
  if (readProviderSettings(reader) === undefined) return problems;
  const asked = reader.asked();
  for (const key of Object.keys(settings).filter((one) => !asked.includes(one))) {
    problems.push(`provider.${key}: is not a setting${didYouMean(key, asked)}`);
  }
  return problems;
}

function timeProblems(props: CheckedProps): string[] {
  const name = props.provider?.provider;
  // Without a provider nothing is known about the tokens' lifetimes.
  if (!Object.hasOwn(PROVIDERS, name)) return [];
  const { refreshInterval, expectedLifetime, assumedLifetime, longestJob } = props;
  const limits = timeLimits(name);
  const problems = Object.entries({ refreshInterval, expectedLifetime, assumedLifetime }).flatMap(
    ([key, duration]) => {
      const { leastMs, greatestMs } = limits[key as keyof typeof limits];
      const seconds = secondsOf(duration);
      const isAllowed =
        Number.isInteger(seconds) && seconds * 1_000 >= leastMs && seconds * 1_000 <= greatestMs;
      if (duration === undefined || isAllowed) return [];
      const [least, greatest] = [leastMs, greatestMs].map((ms) => (ms / 1_000).toLocaleString('en-US'));
      return `${key} of ${textOf(duration)} is not a whole number of seconds from ${least} to ${greatest}`;
    },
  );
  if (longestJob !== undefined && !Number.isInteger(secondsOf(longestJob))) {
    problems.push(`longestJob of ${textOf(longestJob)} is not a whole number of seconds`);
  }
  if (problems.length > 0) return problems;
  const lifetimeMs = expectedLifetime?.toMilliseconds() ?? PROVIDERS[name].defaultLifetimeMinutes * 60_000;
  const noMargin = marginProblem(
    lifetimeMs,
    refreshInterval?.toMilliseconds() ?? DEFAULT_REFRESH_INTERVAL_MS,
  );
  const tooLong = longestJob && longestJobProblem(longestJob.toMilliseconds(), lifetimeMs);
  return [
    ...(noMargin === undefined ? [] : [`expectedLifetime: ${noMargin}`]),
    ...(tooLong === undefined ? [] : [`longestJob: ${tooLong}`]),
  ];
}

/** Seconds, perhaps with a fraction; NaN for what is no duration. */
function secondsOf(duration: Duration | undefined): number {
  return typeof duration?.toMilliseconds === 'function' ? duration.toMilliseconds() / 1_000 : Number.NaN;
}

function textOf(duration: Duration): string {
  const seconds = secondsOf(duration);
  return Number.isNaN(seconds) ? show(duration) : `${seconds} seconds`;
}

function placeProblems(
  scope: Construct,
  { secret, encryptionKey, logEncryptionKey, alarmTopic }: CheckedProps,
): string[] {
  const own = known(Stack.of(scope));
  const things = { secret, encryptionKey, logEncryptionKey, alarmTopic };
  const problems = (Object.keys(things) as (keyof typeof things)[]).flatMap((name) => {
    const thing = things[name];
    if (thing === undefined || thing === null) return [];
    // Not shown: it may be the client secret itself.
    if (thing.env === undefined)
      return [`${name} is not a construct; import the resource by its name or ARN`];
    const problem = otherPlaceProblem(known(thing.env), own, { reason: OWN_PLACE_REASONS[name] });
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
  return secret === undefined || secret === null ? ['secret is missing', ...problems] : problems;
}

/** Without what only the deployment knows. */
function known({ account, region }: ResourceEnvironment): Place {
  const value = (text: string) => (Token.isUnresolved(text) ? undefined : text);
  return { account: value(account), region: value(region) };
}
