import type { ProviderName, ProviderSettings } from '../../lambda/contract.ts';
import { throwProblems } from '../construct/configuration-error.ts';
import { show } from '../rules/messages.ts';
import { PROVIDER_RULES } from '../rules/provider-settings.ts';
import { check, firsts, type Problem } from '../rules/rule.ts';
import { MAX_TOKENS, roleArn, type TokenSettings, tokenSchemaOf } from '../rules/settings.ts';
import {
  fipsProblem,
  functionNameOf,
  functionNameProblem,
  rotationProblem,
  timeProblems,
} from '../rules/together.ts';
import { refuseOtherPlaces, type TargetEnvironment } from './places.ts';
import { type SortedReaders, sortReaders } from './readers.ts';
import { parseJson } from './tokens-source.ts';

/** One token of the configuration, checked, with its defaults. Times are in minutes. */
export interface TokenConfiguration
  extends Readonly<Omit<TokenSettings, 'readers' | 'provider'>>,
    SortedReaders {
  readonly functionName: string;
  /** Begins the names of the token's outputs: `ci-genesys` is `CiGenesys`. */
  readonly outputPrefix: string;
  readonly provider: ProviderSettings;
}

/** The settings of a token that are right. */
type GoodSettings = Partial<TokenSettings>;

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
  const tokens = readList(value, problems).map((one, index) => {
    const { good, problems: found } = checkToken(one, target);
    for (const { path, message } of found) {
      problems.push(`tokens[${index}]${path === '' ? '' : `.${path}`}: ${message}`);
    }
    return good;
  });
  refuseCollisions(tokens, problems);
  refuseSharedRotations(tokens, problems);
  const account = refuseOtherPlaces(tokens, target, problems);
  const sorted = tokens.map((token, index) => ({
    ...token,
    ...sortReaders(token.readers ?? [], account, `tokens[${index}]`, problems),
    provider: providerSettingsOf(token),
    functionName: functionNameOf(token.prefix ?? '', token.name ?? ''),
    outputPrefix: pascalCase(token.name ?? ''),
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
    problems.push(
      `tokens: ${show(list)} is not a list; write the list [{"name": …, "provider": …}] into tokens.json beside cdk.json`,
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

function checkToken(value: unknown, target: TargetEnvironment) {
  const { good, problems } = check(tokenSchemaOf(value), value);
  if (problems.some(({ path }) => path === '')) return { good, problems };
  const written = Object(value);
  // Beside a reader that is wrong, the roles that are right are still compared with the stack's place.
  const readers = problems.some(({ path }) => path.startsWith('readers['))
    ? {
        readers: written.readers.map((one: unknown) =>
          roleArn.safeParse(Object(one).role ?? one).success ? one : undefined,
        ),
      }
    : {};
  return {
    good: { ...good, ...readers },
    problems: firsts([...problems, ...togetherProblems(written, good, target)]),
  };
}

/** Problems of settings that are right one by one. `written`: those that are not, too. */
function togetherProblems(
  written: Readonly<Partial<Record<string, unknown>>>,
  good: GoodSettings,
  { account, region }: TargetEnvironment,
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string, message: string | false | undefined) => {
    if (message) problems.push({ path, message });
  };
  const has = (key: string) => written[key] !== undefined;
  const { name, prefix = '', provider = 'oauth2', vpcId } = good;
  const rules = PROVIDER_RULES[provider];

  if (name !== undefined) refuse('name', functionNameProblem(prefix, name));
  if (good.provider !== undefined) problems.push(...(rules.together?.(written) ?? []));
  refuse('secretArn', has('secretName') && has('secretArn') && 'is set beside secretName; set one of them');
  refuse(
    'secretEncryptionKeyArn',
    has('secretEncryptionKeyArn') &&
      !has('secretName') &&
      !has('secretArn') &&
      'is for an existing secret; set secretName or secretArn, or remove it (the secret that the stack creates takes encryptionKeyArn)',
  );
  const lifetimeMs = (good.expectedLifetime ?? rules.lifetime.default) * 60_000;
  if (good.rotation !== undefined) {
    const { adminSecretName, adminSecretArn, everyDays } = good.rotation;
    const isOwn = [
      [adminSecretName, good.secretName],
      [adminSecretArn, good.secretArn],
    ].some(([one, other]) => one !== undefined && one === other);
    refuse(
      'rotation.adminSecretName',
      adminSecretName === undefined && adminSecretArn === undefined
        ? 'is missing, and so is adminSecretArn; set one of them to the secret of the admin client'
        : isOwn && "is the token's own secret; store the admin client in another one",
    );
    refuse(
      'rotation.adminSecretArn',
      adminSecretName !== undefined &&
        adminSecretArn !== undefined &&
        'is set beside adminSecretName; set one of them',
    );
    refuse('rotation.everyDays', rotationProblem(everyDays, lifetimeMs));
  }
  problems.push(
    ...timeProblems({
      lifetimeMs,
      refreshIntervalMs: good.refreshInterval && good.refreshInterval * 60_000,
      longestJobMs: good.longestJob && good.longestJob * 60_000,
    }),
  );
  refuse(
    'alarmTopicArn',
    has('alarmEmail') &&
      has('alarmTopicArn') &&
      'is set beside alarmEmail; set one of them, or subscribe the address to the topic',
  );
  for (const key of ['subnetIds', 'securityGroupIds']) {
    const problem = 'is set without vpcId; set the VPC that they belong to, or remove it';
    refuse(key, has(key) && !has('vpcId') && problem);
  }
  refuse(
    'vpcId',
    vpcId !== undefined &&
      (account === undefined || region === undefined) &&
      `"${vpcId}" cannot be looked up without an account and a region; give the CDK credentials and a region (AWS_PROFILE, AWS_REGION)`,
  );
  // Without credentials the CDK CLI names a region of its own.
  refuse('fipsEndpoints', good.fipsEndpoints && account !== undefined && fipsProblem(region ?? ''));
  return problems;
}

function providerSettingsOf(token: GoodSettings): ProviderSettings {
  const provider: ProviderName = token.provider ?? 'oauth2';
  const keys = Object.keys(PROVIDER_RULES[provider].settings);
  const settings = Object.entries(token).filter(([key]) => keys.includes(key));
  return { provider, ...Object.fromEntries(settings) } as ProviderSettings;
}

function pascalCase(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** Names of constructs of the stack, beside its tokens. */
const RESERVED_NAMES = ['Dashboard', 'DeploymentCalls', 'CheckBootstrapVersion'];

/** Id of the construct that holds the resources of a token beside its refresher. */
export function resourcesIdOf(name: string): string {
  return `${name}-resources`;
}

/** Secrets Manager has one rotation per secret. */
function refuseSharedRotations(tokens: readonly GoodSettings[], problems: string[]): void {
  const rotated = tokens.map(({ rotation, secretName, secretArn }) =>
    rotation === undefined ? undefined : (secretName ?? secretArn?.replace(/^.*:secret:(.*)-.{6}$/, '$1')),
  );
  rotated.forEach((secret, index) => {
    const first = secret === undefined ? index : rotated.indexOf(secret);
    if (first === index) return;
    problems.push(
      `tokens[${index}].rotation: the secret of tokens[${first}] is rotated already, for all tokens that use it; remove it here`,
    );
  });
}

/** Two tokens may not share parameters, a function's name or the names of outputs. */
function refuseCollisions(tokens: readonly GoodSettings[], problems: string[]): void {
  tokens.forEach(({ name, prefix = '' }, index) => {
    if (name === undefined) return;
    const rivalOf = (isRival: (rival: string, rivalPrefix: string) => boolean, among = tokens) =>
      among.findIndex((one) => one.name !== undefined && isRival(one.name, one.prefix ?? ''));
    const earlier = tokens.slice(0, index);
    const functionName = functionNameOf(prefix, name);
    const rivals: readonly [rival: number, message: string][] = [
      [rivalOf((one) => name === resourcesIdOf(one)), 'is also how the stack calls the resources of'],
      [
        rivalOf((one) => pascalCase(one) === pascalCase(name), earlier),
        'must differ, in more than punctuation, from the name of',
      ],
      [
        rivalOf((one, itsPrefix) => functionNameOf(itsPrefix, one) === functionName, earlier),
        `makes the function name "${functionName}" like`,
      ],
    ];
    const [rival, message] = rivals.find(([rival]) => rival >= 0) ?? [];
    // The CDK takes the names of every object's members (`constructor`) for existing constructs.
    if (RESERVED_NAMES.includes(name) || name in Object.prototype) {
      problems.push(`tokens[${index}].name: "${name}" is the name of a part of the stack; choose another`);
    } else if (rival !== undefined) {
      problems.push(`tokens[${index}].name: "${name}" ${message} tokens[${rival}], "${tokens[rival]?.name}"`);
    }
  });
}
