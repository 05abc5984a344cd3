import { type Duration, type IResource, type ResourceEnvironment, Stack, Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import * as z from 'zod';
import type { ProviderName } from '../../lambda/contract.ts';
import { show } from '../rules/messages.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from '../rules/own-place.ts';
import { PROVIDER_RULES } from '../rules/provider-settings.ts';
import { check, choice, firsts, must, object, type Problem } from '../rules/rule.ts';
import { MAX_SECURITY_GROUPS, PROVIDER_NAMES, prefix, SHARED, TIMES, tokenName } from '../rules/settings.ts';
import { fipsProblem, functionNameProblem, timeProblems } from '../rules/together.ts';
import { throwProblems } from './configuration-error.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4_096;

/** A JavaScript app has no types, so that each prop may be anything. */
type Props = Readonly<Partial<Record<string, unknown>>>;

/**
 * Checks the construct's props by the rules of the configuration. Values that only the deployment knows are not checked.
 *
 * @throws ConfigurationError with all problems
 */
export function checkProps(scope: Construct, props: object): void {
  const written: Props = Object.fromEntries(
    Object.entries(props).filter(([key, value]) => NAMES.includes(key) || !Token.isUnresolved(value)),
  );
  const { provider } = Object(written.provider) as { readonly provider?: unknown };
  const name = PROVIDER_NAMES.find((one) => one === provider);
  const { good, problems } = check(propsSchema(name, written.provider), written);
  const all = firsts([...problems, ...togetherProblems(scope, written, good, name)]);
  throwProblems(
    all.map(({ path, message }) => `${path}: ${message}`),
    `TokenRefresher "${scope.node.path}"`,
  );
}

/** Checks the size of the function's environment. @throws ConfigurationError */
export function checkEnvironment(scope: Construct, environment: object): void {
  const bytes = Buffer.byteLength(JSON.stringify(Stack.of(scope).resolve(environment)));
  if (bytes <= ENVIRONMENT_BYTES) return;
  const problem = `the settings need about ${bytes} bytes of environment variables; Lambda's limit is ${ENVIRONMENT_BYTES}: shorten scope, resource, parameters or tags`;
  throwProblems([problem], `TokenRefresher "${scope.node.path}"`);
}

/** These cannot be known at the deployment only: they are part of resources' names. */
const NAMES = ['tokenName', 'parameterPrefix'];

function propsSchema(name: ProviderName | undefined, provider: unknown) {
  const { lifetime } = PROVIDER_RULES[name ?? 'oauth2'];
  return z.looseObject({
    tokenName,
    parameterPrefix: prefix.default('/ci'),
    provider: isKnownLater(provider) ? z.unknown() : providerSchema(name),
    refreshInterval: duration(...TIMES.refreshInterval).optional(),
    expectedLifetime: duration(lifetime.least, TIMES.expectedLifetime[1]).optional(),
    assumedLifetime: duration(...TIMES.assumedLifetime).optional(),
    longestJob: duration(...TIMES.longestJob).optional(),
    reservedConcurrency: z.literal([0, 1], must('0 or 1')).optional(),
    securityGroups: z
      .array(z.unknown())
      .refine(({ length }) => length >= 1 && length <= MAX_SECURITY_GROUPS, {
        error: ({ input }) => `${Object(input).length} security groups are not 1 to ${MAX_SECURITY_GROUPS}`,
      })
      .optional(),
    ...SHARED,
    logRetention: SHARED.logRetention.or(z.literal(RetentionDays.INFINITE)),
    secret: resource(),
    encryptionKey: resource().optional(),
    logEncryptionKey: resource().optional(),
    alarmTopic: resource().optional(),
  });
}

function providerSchema(name: ProviderName | undefined) {
  const rule = 'an object like {"provider": "genesys-cloud", "region": …}';
  return name === undefined
    ? z.looseObject({ provider: choice(PROVIDER_NAMES) }, must(rule))
    : object({ provider: z.literal(name), ...PROVIDER_RULES[name].settings }, rule);
}

/** A duration within these limits, which are in minutes. */
function duration(least: number, greatest: number) {
  const [leastSeconds, greatestSeconds] = [least * 60, greatest * 60];
  return z.custom<Duration>(
    (value) => {
      const seconds = secondsOf(value);
      return Number.isInteger(seconds) && seconds >= leastSeconds && seconds <= greatestSeconds;
    },
    {
      error: ({ input }) => {
        const seconds = secondsOf(input);
        const value = Number.isNaN(seconds) ? show(input) : `${seconds} seconds`;
        return `${value} is not a whole number of seconds from ${leastSeconds} to ${greatestSeconds.toLocaleString('en-US')}`;
      },
    },
  );
}

/** Seconds, perhaps with a fraction; NaN for any other value than a duration. */
function secondsOf(value: unknown): number {
  const { toMilliseconds } = Object(value) as Partial<Duration>;
  return typeof toMilliseconds === 'function' ? toMilliseconds.call(value) / 1_000 : Number.NaN;
}

/** A construct. Another value is not shown: it may be the client secret itself. */
function resource() {
  return z.custom<IResource>((value) => Object(value).env !== undefined, {
    error: ({ input }) =>
      input === undefined || input === null
        ? 'is missing'
        : 'is not a construct; import the resource by its name or ARN',
  });
}

/** Problems of props that are right one by one. */
function togetherProblems(
  scope: Construct,
  written: Props,
  good: Partial<z.output<ReturnType<typeof propsSchema>>>,
  name: ProviderName | undefined,
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string, message: string | undefined) => {
    if (message !== undefined) problems.push({ path, message });
  };
  const own = known(Stack.of(scope));
  if (good.tokenName !== undefined && good.parameterPrefix !== undefined) {
    refuse('tokenName', functionNameProblem(good.parameterPrefix, good.tokenName));
  }
  if (name !== undefined) {
    const rules = PROVIDER_RULES[name];
    const found = isKnownLater(written.provider) ? [] : rules.together?.(written.provider as Props);
    for (const { path, message } of found ?? []) refuse(`provider.${path}`, message);
    const { expectedLifetime, refreshInterval, longestJob } = good;
    problems.push(
      ...timeProblems({
        lifetimeMs: expectedLifetime?.toMilliseconds() ?? rules.lifetime.default * 60_000,
        refreshIntervalMs: refreshInterval?.toMilliseconds(),
        longestJobMs: longestJob?.toMilliseconds(),
      }),
    );
  }
  if (good.fipsEndpoints && own.region !== undefined) refuse('fipsEndpoints', fipsProblem(own.region));
  for (const key of ['vpcSubnets', 'securityGroups']) {
    if (written[key] === undefined || written.vpc !== undefined) continue;
    refuse(key, 'is set without vpc; set the VPC that they belong to, or remove it');
  }
  for (const [key, reason] of Object.entries(OWN_PLACE_REASONS)) {
    const thing = good[key as keyof typeof OWN_PLACE_REASONS];
    if (thing !== undefined) refuse(key, otherPlaceProblem(known(thing.env), own, { reason }));
  }
  return problems;
}

/** Whether only the deployment knows a value in it. */
function isKnownLater(settings: unknown): boolean {
  return Token.isUnresolved(JSON.stringify(settings));
}

/** Without the values that only the deployment knows. */
function known({ account, region }: ResourceEnvironment): Place {
  const value = (text: string) => (Token.isUnresolved(text) ? undefined : text);
  return { account: value(account), region: value(region) };
}
