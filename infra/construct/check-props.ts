import { type Duration, type IResource, type ResourceEnvironment, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  createSettingsReader,
  didYouMean,
  type ProviderSettings,
  readProviderSettings,
} from '../../lambda/contract.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { functionNameProblem, PREFIX, TOKEN_NAME } from './names.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from './own-place.ts';
import { type ParameterTags, tagProblems } from './parameter-tags.ts';

interface CheckedProps {
  readonly tokenName: string;
  readonly provider: ProviderSettings;
  readonly refreshInterval?: Duration;
  readonly expectedLifetime?: Duration;
  readonly assumedLifetime?: Duration;
  readonly tags?: ParameterTags;
  readonly secret: IResource;
  readonly encryptionKey?: IResource;
  readonly logEncryptionKey?: IResource;
  readonly alarmTopic?: IResource;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4_096;

/** Checks the construct's props as the configuration checks cdk.json. @throws ConfigurationError with all problems */
export function checkProps(
  scope: Construct,
  props: CheckedProps,
  derived: { readonly prefix: string; readonly functionName: string; readonly environment: object },
): void {
  const { tokenName, refreshInterval, expectedLifetime, assumedLifetime } = props;
  const { prefix, functionName, environment } = derived;
  const problems: string[] = [];
  if (!TOKEN_NAME.test(tokenName)) problems.push(`tokenName "${tokenName}" is not ${TOKEN_NAME.rule}`);
  if (!PREFIX.test(prefix)) problems.push(`parameterPrefix "${prefix}" is not ${PREFIX.rule}`);
  const nameProblem = functionNameProblem(functionName);
  if (nameProblem !== undefined) problems.push(`tokenName "${tokenName}" ${nameProblem}`);
  for (const [name, duration] of Object.entries({ refreshInterval, expectedLifetime, assumedLifetime })) {
    if (duration === undefined) continue;
    const ms = duration.toMilliseconds();
    if (ms < 60_000 || ms > 48 * 3_600_000 || ms % 1_000 !== 0) {
      problems.push(`${name} of ${ms / 1000} seconds is not a whole number of seconds from 60 to 172,800`);
    }
  }
  problems.push(...providerProblems(props.provider), ...placeProblems(scope, props));
  for (const { key, message } of props.tags === undefined ? [] : tagProblems(props.tags)) {
    problems.push(`tags${key === '' ? '' : ` "${key}"`}: ${message}`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(Stack.of(scope).resolve(environment)));
  if (bytes > ENVIRONMENT_BYTES) {
    problems.push(
      `the settings need about ${bytes} bytes of environment variables; Lambda's limit is ${ENVIRONMENT_BYTES}: shorten scope, resource, parameters or tags`,
    );
  }
  if (problems.length > 0) {
    throw new ConfigurationError(`TokenRefresher "${scope.node.path}": ${problems.join('; ')}`);
  }
}

/** Values that only the deployment knows cannot be checked. */
function providerProblems(settings: ProviderSettings): string[] {
  if (Token.isUnresolved(JSON.stringify(settings))) return [];
  const problems: string[] = [];
  const reader = createSettingsReader({ ...settings }, (key, message) =>
    problems.push(`provider.${key}: ${message}`),
  );
  if (readProviderSettings(reader) === undefined) return problems;
  const known = reader.asked();
  for (const key of Object.keys(settings).filter((one) => !known.includes(one))) {
    problems.push(`provider.${key}: is not a setting${didYouMean(key, known)}`);
  }
  return problems;
}

function placeProblems(
  scope: Construct,
  { secret, encryptionKey, logEncryptionKey, alarmTopic }: CheckedProps,
): string[] {
  const own = known(Stack.of(scope));
  const things = { secret, encryptionKey, logEncryptionKey, alarmTopic };
  return (Object.keys(things) as (keyof typeof things)[]).flatMap((name) => {
    const thing = things[name];
    if (thing === undefined) return [];
    const problem = otherPlaceProblem(known(thing.env), own, { reason: OWN_PLACE_REASONS[name] });
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
}

/** Without what only the deployment knows. */
function known({ account, region }: ResourceEnvironment): Place {
  const value = (text: string) => (Token.isUnresolved(text) ? undefined : text);
  return { account: value(account), region: value(region) };
}
