import { type Duration, type IResource, type ResourceEnvironment, Stack, Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import * as z from 'zod';
import type { ProviderName } from '../../lambda/contract.ts';
import { propOfSetting } from '../rules/counterparts.ts';
import { show } from '../rules/messages.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from '../rules/own-place.ts';
import { PROVIDER_RULES } from '../rules/provider-settings.ts';
import { check, choice, firsts, must, object, type Problem } from '../rules/rule.ts';
import {
  MAX_SECURITY_GROUPS,
  PROVIDER_KEYS,
  PROVIDER_NAMES,
  prefix,
  ROTATION_DAYS,
  SHARED,
  TIMES,
  tokenName,
} from '../rules/settings.ts';
import { fipsProblem, functionNameProblem, rotationProblem, timeProblems } from '../rules/together.ts';
import { throwProblems } from './configuration-error.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4_096;

/** A JavaScript app has no types, so that each prop may be anything. */
type Props = Readonly<Partial<Record<string, unknown>>>;

/**
 * Checks the construct's props by the rules of the configuration, each by itself. Values that only the deployment knows
 * are taken, where synthesis does not need them.
 *
 * @throws ConfigurationError with all problems
 */
export function checkProps(scope: Construct, props: unknown): void {
  const written: Props = typeof props === 'object' && props !== null ? (props as Props) : {};
  const { provider } = Object(written.provider) as { readonly provider?: unknown };
  const name = PROVIDER_NAMES.find((one) => one === provider);
  const { good, problems } = check(propsSchema(name), written);
  const later = laterPaths(written);
  const all = firsts([
    ...problems.flatMap((problem) => {
      const { path } = problem;
      const value = later.find(
        (one) => one.startsWith(path) || path.startsWith(`${one}[`) || path.startsWith(`${one}.`),
      );
      if (value === undefined || value in OWN_PLACE_REASONS) return problem;
      return TAKEN.test(value) ? [] : { path: value, message: LATER_PROBLEM };
    }),
    ...togetherProblems(scope, written, good, name),
  ]);
  throwProblems(
    all.map(({ path, message }) => `${path}: ${message}`),
    `TokenRefresher "${scope.node.path}"`,
  );
}

const LATER_PROBLEM =
  'is a value that only the deployment knows (a parameter or an attribute); synthesis needs it for names, times or resources: write it out';

/** Values that only the function or CloudFormation needs. Synthesis computes with the others. */
const TAKEN = /^(provider\.(?!provider$)|tags\.|logRetention$)/;

/** The paths of the values that only the deployment knows. Constructs are not looked into. */
function laterPaths(value: unknown, path = ''): string[] {
  if (Token.isUnresolved(value) || Object(value).isUnresolved?.() === true) return [path];
  if (Array.isArray(value)) return value.flatMap((one, index) => laterPaths(one, `${path}[${index}]`));
  if (!z.core.util.isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([key, one]) => laterPaths(one, path === '' ? key : `${path}.${key}`));
}

/** Checks the size of the function's environment. @throws ConfigurationError */
export function checkEnvironment(scope: Construct, environment: object): void {
  const bytes = Buffer.byteLength(JSON.stringify(Stack.of(scope).resolve(environment)));
  if (bytes <= ENVIRONMENT_BYTES) return;
  const problem = `the settings need about ${bytes} bytes of environment variables; Lambda's limit is ${ENVIRONMENT_BYTES}: shorten scope, resource, parameters or tags`;
  throwProblems([problem], `TokenRefresher "${scope.node.path}"`);
}

function propsSchema(name: ProviderName | undefined) {
  const { lifetime } = PROVIDER_RULES[name ?? 'oauth2'];
  return object(
    {
      tokenName,
      parameterPrefix: prefix.default('/ci'),
      provider: providerSchema(name),
      refreshInterval: duration('minutes', TIMES.refreshInterval).optional(),
      expectedLifetime: duration('minutes', [lifetime.least, TIMES.expectedLifetime[1]]).optional(),
      assumedLifetime: duration('minutes', TIMES.assumedLifetime).optional(),
      longestJob: duration('minutes', TIMES.longestJob).optional(),
      reservedConcurrency: z.literal([0, 1], must('0 or 1')).optional(),
      vpc: z.unknown().optional(),
      vpcSubnets: z.unknown().optional(),
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
      rotation: object(
        { adminSecret: resource(), every: duration('days', ROTATION_DAYS).optional() },
        'an object with adminSecret',
      ).optional(),
    },
    'an object with tokenName, provider and secret',
    (key) =>
      propOfSetting(key) ??
      (PROVIDER_KEYS.includes(key)
        ? 'is a setting of the provider; here it belongs into provider'
        : undefined),
  );
}

function providerSchema(name: ProviderName | undefined) {
  const rule = 'an object like {"provider": "genesys-cloud", "region": …}';
  return name === undefined
    ? z.looseObject({ provider: choice(PROVIDER_NAMES) }, must(rule))
    : object({ provider: z.literal(name), ...PROVIDER_RULES[name].settings }, rule);
}

/** A duration of a whole number of seconds, or of days, within these limits, which are in minutes or in days. */
function duration(unit: 'minutes' | 'days', [least, greatest]: readonly [number, number]) {
  const [counted, seconds, factor] = unit === 'days' ? ['days', 86_400, 1] : ['seconds', 1, 60];
  const limits = [least * factor, greatest * factor] as const;
  return z.custom<Duration>(
    (value) => {
      const count = secondsOf(value) / seconds;
      return Number.isInteger(count) && count >= limits[0] && count <= limits[1];
    },
    {
      error: ({ input }) => {
        const count = secondsOf(input) / seconds;
        const example = typeof input === 'number' ? input : least;
        if (Number.isNaN(count))
          return `${show(input)} is not a Duration; write it as Duration.${unit}(${example})`;
        return `${Number(count.toFixed(2))} ${counted} is not a whole number of ${counted} from ${limits[0]} to ${limits[1].toLocaleString('en-US')}`;
      },
    },
  );
}

/** Seconds, perhaps with a fraction; NaN for any other value than a duration that is known. */
function secondsOf(value: unknown): number {
  const { toMilliseconds, isUnresolved } = Object(value) as Partial<Duration>;
  if (typeof toMilliseconds !== 'function' || isUnresolved?.call(value)) return Number.NaN;
  return toMilliseconds.call(value) / 1_000;
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
    const found = rules.together?.(withoutLater(written.provider)) ?? [];
    for (const { path, message } of found) refuse(`provider.${path}`, message);
    const { expectedLifetime, refreshInterval, longestJob, rotation } = good;
    const lifetimeMs = expectedLifetime?.toMilliseconds() ?? rules.lifetime.default * 60_000;
    if (rotation !== undefined) {
      const renewers = PROVIDER_NAMES.filter((one) => PROVIDER_RULES[one].renewsSecrets);
      refuse(
        'rotation',
        rules.renewsSecrets ? undefined : `is for the provider ${renewers.join(', ')} only; remove it`,
      );
      refuse('rotation.every', rotationProblem(rotation.every?.toDays() ?? 90, lifetimeMs));
    }
    problems.push(
      ...timeProblems({
        lifetimeMs,
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

/** The provider's settings. Those that only the deployment knows are there, but have no text. */
function withoutLater(provider: unknown): Props {
  const entries = Object.entries(Object(provider)).map(([key, value]) => [
    key,
    laterPaths(value).length === 0 ? value : {},
  ]);
  return Object.fromEntries(entries);
}

/** Without the values that only the deployment knows. */
function known({ account, region }: ResourceEnvironment): Place {
  const value = (text: string) => (Token.isUnresolved(text) ? undefined : text);
  return { account: value(account), region: value(region) };
}
