import type { Duration } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { PROVIDERS, type ProviderSettings, readProviderSettings, show } from '../../lambda/contract.ts';
import { fipsProblem } from '../construct/check-function-props.ts';
import { throwProblems } from '../construct/configuration-error.ts';
import { functionNameOf, functionNameProblem, PREFIX, TOKEN_NAME } from '../construct/names.ts';
import { type ParameterTags, tagProblems } from '../construct/parameter-tags.ts';
import { type Fields, openFields } from './fields.ts';
import { refuseOtherPlaces, type TargetEnvironment } from './places.ts';
import { type Reader, readReaders, type SortedReaders, sortReaders } from './readers.ts';
import { readTimes } from './times-configuration.ts';
import { parseJson } from './tokens-source.ts';
import { readVpc, type VpcConfiguration } from './vpc-configuration.ts';

/** The secret of one token: an existing one by name or complete ARN, or one that the stack creates. */
export type SecretReference =
  | { readonly kind: 'create' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'arn'; readonly arn: string };

/** One token of the configuration, checked, with its defaults. */
export interface TokenConfiguration extends SortedReaders, VpcConfiguration {
  readonly name: string;
  readonly prefix: string;
  readonly functionName: string;
  /** Begins the names of the token's outputs: `ci-genesys` is `CiGenesys`. */
  readonly outputPrefix: string;
  readonly provider: ProviderSettings;
  readonly secret: SecretReference;
  /** Customer managed key of an existing secret. */
  readonly secretEncryptionKeyArn: string | undefined;
  /** Undefined: the construct's own. */
  readonly refreshInterval: Duration | undefined;
  readonly expectedLifetime: Duration;
  readonly assumedLifetime: Duration;
  readonly longestJob: Duration | undefined;
  readonly encryptionKeyArn: string | undefined;
  readonly reservedConcurrency: 0 | 1;
  readonly alarmEmail: string | undefined;
  readonly alarmTopicArn: string | undefined;
  readonly tags: ParameterTags | undefined;
  readonly logRetention: RetentionDays;
  readonly logEncryptionKeyArn: string | undefined;
  readonly fipsEndpoints: boolean;
  readonly adoptParameters: boolean;
  readonly retainParameters: boolean;
}

/** A token while problems are looked for: some of it may be missing, and its readers are not sorted. */
type UnsortedToken = Partial<Omit<TokenConfiguration, keyof SortedReaders>> & {
  readonly readers: readonly Reader[];
};

/**
 * The role that makes the deployments' calls gets up to 610 characters of policy per token, and IAM takes 10,240 in
 * a role.
 */
export const MAX_TOKENS = 16;

const ARN = (service: string, rest: string): RegExp =>
  new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]+:\\d{12}:${rest}$`);
const KEY_ARN = ARN('kms', 'key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})');
const TOPIC_ARN = ARN('sns', '[A-Za-z0-9_-]{1,256}');
const SECRET_ARN = ARN('secretsmanager', 'secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}');
const KEY_RULE = 'the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted';

/**
 * Reads the tokens: a list, or the same as JSON from the command line.
 *
 * @throws ConfigurationError with every problem of the tokens, one per line, each with path, value and limit.
 */
export function parseTokens(value: unknown, target: TargetEnvironment): TokenConfiguration[] {
  const problems: string[] = [];
  const tokens = readTokens(value, target, problems);
  throwProblems(problems);
  return tokens;
}

/** Reads the tokens, and notes each problem. The result is good only where there was none. */
export function readTokens(
  value: unknown,
  target: TargetEnvironment,
  problems: string[],
): TokenConfiguration[] {
  const tokens = readList(value, problems).map((one, index) =>
    readToken(one, `tokens[${index}]`, target, problems),
  );
  refuseCollisions(tokens, problems);
  const account = refuseOtherPlaces(tokens, target, problems);
  const sorted = tokens.map((token, index) => ({
    ...token,
    ...sortReaders(token?.readers ?? [], account, `tokens[${index}]`, problems),
  }));
  return sorted as TokenConfiguration[];
}

function readList(value: unknown, problems: string[]): unknown[] {
  let list = value;
  if (typeof value === 'string') {
    const { value: parsed, problem } = parseJson(value);
    if (problem !== undefined) {
      problems.push(`tokens: ${problem}; quote it for the shell: -c tokens='[{"name": …}]'`);
      return [];
    }
    list = parsed;
  }
  if (!Array.isArray(list)) {
    const found = list === undefined ? 'is missing' : `${show(list)} is not a list`;
    problems.push(
      `tokens: ${found}; write the list [{"name": …, "provider": …}] into tokens.json beside cdk.json`,
    );
    return [];
  }
  if (list.length === 0) problems.push('tokens: is empty; describe at least one token');
  if (list.length > MAX_TOKENS) {
    problems.push(
      `tokens: ${list.length} tokens are more than the ${MAX_TOKENS} that fit a stack; make a second one (-c stackName=… -c tokensFile=…)`,
    );
  }
  return list;
}

function readToken(
  value: unknown,
  path: string,
  target: TargetEnvironment,
  problems: string[],
): UnsortedToken | undefined {
  const fields = openFields(value, path, problems);
  if (fields === undefined) return undefined;
  const provider = readProviderSettings(fields);
  // While the provider itself is wrong, its settings are not called unknown.
  if (provider === undefined) for (const key of PROVIDER_KEYS) fields.has(key);
  const token = {
    ...readNames(fields),
    provider,
    ...readSecret(fields),
    ...readTimes(fields, provider),
    encryptionKeyArn: fields.text('encryptionKeyArn', KEY_RULE, KEY_ARN),
    reservedConcurrency: readConcurrency(fields),
    ...readAlarm(fields),
    readers: readReaders(fields, problems),
    ...readVpc(fields, target),
    tags: readTags(fields),
    logRetention: readLogRetention(fields),
    logEncryptionKeyArn: fields.text('logEncryptionKeyArn', KEY_RULE, KEY_ARN),
    fipsEndpoints: readFipsEndpoints(fields, target),
    adoptParameters: fields.flag('adoptParameters') ?? false,
    retainParameters: fields.flag('retainParameters') ?? false,
  };
  fields.refuseUnknown((key) => {
    if (!PROVIDER_KEYS.includes(key)) return undefined;
    return `is not a setting of the provider ${provider?.provider}; remove it`;
  });
  return token as UnsortedToken;
}

const PROVIDER_KEYS = Object.values(PROVIDERS).flatMap(({ settings }) => Object.keys(settings));

function readNames(fields: Fields) {
  const name = fields.requiredText('name', TOKEN_NAME.rule, TOKEN_NAME.test);
  const prefix = fields.text('prefix', PREFIX.rule, PREFIX.test) ?? '/ci';
  const functionName = functionNameOf(prefix, name ?? '');
  const problem = name === undefined ? undefined : functionNameProblem(functionName);
  if (problem !== undefined) fields.problem('name', problem);
  return { name, prefix, functionName, outputPrefix: pascalCase(name ?? '') };
}

function pascalCase(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

function readSecret(fields: Fields) {
  const name = fields.text(
    'secretName',
    'the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
    /^[A-Za-z0-9/_+=.@-]{1,512}$/,
  );
  const arn = fields.text(
    'secretArn',
    'the complete ARN of a secret, with the hyphen and six characters that end it; without them, set secretName',
    SECRET_ARN,
  );
  if (fields.has('secretName') && fields.has('secretArn')) {
    fields.problem('secretArn', 'is set beside secretName; set one of them');
  }
  const secretEncryptionKeyArn = fields.text('secretEncryptionKeyArn', KEY_RULE, KEY_ARN);
  if (fields.has('secretEncryptionKeyArn') && !fields.has('secretName') && !fields.has('secretArn')) {
    fields.problem(
      'secretEncryptionKeyArn',
      'is for an existing secret; set secretName or secretArn, or remove it (the secret that the stack creates takes encryptionKeyArn)',
    );
  }
  const secret: SecretReference =
    arn !== undefined
      ? { kind: 'arn', arn }
      : name !== undefined
        ? { kind: 'name', name }
        : { kind: 'create' };
  return { secret, secretEncryptionKeyArn };
}

function readConcurrency(fields: Fields): 0 | 1 {
  const value = fields.raw('reservedConcurrency');
  if (value === undefined || value === 1) return 1;
  if (value !== 0 && value !== false) {
    fields.problem(
      'reservedConcurrency',
      `${show(value)} is not 1 (refreshes one at a time) or 0 (none reserved, for accounts with a concurrency limit of 10)`,
    );
  }
  return 0;
}

/** CloudWatch Logs takes these numbers of days only. */
const LOG_RETENTIONS = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

function readLogRetention(fields: Fields): RetentionDays {
  const days = fields.has('logRetention') ? fields.raw('logRetention') : RetentionDays.ONE_MONTH;
  if (LOG_RETENTIONS.includes(days as RetentionDays)) return days as RetentionDays;
  fields.problem(
    'logRetention',
    `${show(days)} is not a number of days that CloudWatch Logs keeps: ${LOG_RETENTIONS.join(', ')}`,
  );
  return RetentionDays.ONE_MONTH;
}

function readAlarm(fields: Fields) {
  const alarmEmail = fields.text(
    'alarmEmail',
    'an e-mail address',
    /^(?=.{3,254}$)[^\s@",;]{1,64}@[^\s@",;]+\.[^\s@",;.]+$/,
  );
  const alarmTopicArn = fields.text(
    'alarmTopicArn',
    'the ARN of a standard SNS topic (arn:aws:sns:<region>:<account>:<name>)',
    TOPIC_ARN,
  );
  if (fields.has('alarmEmail') && fields.has('alarmTopicArn')) {
    fields.problem(
      'alarmTopicArn',
      'is set beside alarmEmail; set one of them, or subscribe the address to the topic',
    );
  }
  return { alarmEmail, alarmTopicArn };
}

function readTags(fields: Fields): ParameterTags | undefined {
  const tags = fields.raw('tags');
  if (tags === undefined) return undefined;
  for (const { key, message } of tagProblems(tags))
    fields.problem(key === '' ? 'tags' : `tags.${key}`, message);
  return tags as ParameterTags;
}

function readFipsEndpoints(fields: Fields, { account, region = '' }: TargetEnvironment): boolean {
  const isWanted = fields.flag('fipsEndpoints') ?? false;
  // Without credentials the CDK CLI names a region of its own.
  const problem = isWanted && account !== undefined ? fipsProblem(region) : undefined;
  if (problem !== undefined) fields.problem('fipsEndpoints', problem);
  return isWanted;
}

/** Names of constructs of the stack, beside its tokens. */
const RESERVED_NAMES = ['Dashboard', 'DeploymentCalls', 'CheckBootstrapVersion'];

/** The CDK takes the names of what every object has (`constructor`) for existing constructs. */
function isReserved(name: string): boolean {
  return RESERVED_NAMES.includes(name) || name in Object.prototype;
}

/** Id of the construct that holds what belongs to a token beside its refresher. */
export function resourcesIdOf(name: string): string {
  return `${name}-resources`;
}

/** Two tokens may not share parameters, a function's name or the names of outputs. */
function refuseCollisions(tokens: readonly (UnsortedToken | undefined)[], problems: string[]): void {
  tokens.forEach((token, index) => {
    if (token?.name === undefined) return;
    const rivals = tokens.slice(0, index);
    const report = (rival: number, message: string): number =>
      problems.push(
        `tokens[${index}].name: "${token.name}" ${message} tokens[${rival}], "${tokens[rival]?.name}"`,
      );
    const sameOutputs = rivals.findIndex(
      (one) => one?.name !== undefined && one.outputPrefix === token.outputPrefix,
    );
    const sameFunction = rivals.findIndex(
      (one) => one?.name !== undefined && one.functionName === token.functionName,
    );
    const sameConstruct = tokens.findIndex(
      (one) => one?.name !== undefined && token.name === resourcesIdOf(one.name),
    );
    if (isReserved(token.name)) {
      problems.push(
        `tokens[${index}].name: "${token.name}" is the name of a part of the stack; choose another`,
      );
    } else if (sameConstruct >= 0) {
      report(sameConstruct, 'is also how the stack calls the resources of');
    } else if (sameOutputs >= 0) {
      report(sameOutputs, 'must differ, in more than punctuation, from the name of');
    } else if (sameFunction >= 0) {
      report(sameFunction, `makes the function name "${token.functionName}" like`);
    }
  });
}
