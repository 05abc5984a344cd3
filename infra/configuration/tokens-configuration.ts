import type { ProviderSettings } from '../../lambda/contract.ts';
import { show } from '../rules/messages.ts';
import { PROVIDER_RULES } from '../rules/provider-settings.ts';
import { check, firsts, type Problem } from '../rules/rule.ts';
import { MAX_TOKENS, READER, type Reader, type TokenSettings, tokenSchemaOf } from '../rules/settings.ts';
import {
  fipsProblem,
  functionNameOf,
  functionNameProblem,
  rotationProblem,
  timeProblems,
} from '../rules/together.ts';
import { checkPlaces, type TargetEnvironment } from './places.ts';
import { checkReaders, type SortedReaders, sortReaders } from './readers.ts';

/** One token of the configuration, checked, with its defaults. Times are in minutes. */
export interface TokenConfiguration
  extends Readonly<Omit<TokenSettings, 'readers' | 'provider'>>,
    SortedReaders {
  /** Begins the names of the token's outputs: `ci-genesys` is `CiGenesys`. */
  readonly outputPrefix: string;
  readonly provider: ProviderSettings;
}

/** The settings of a token that are right. A reader that is not is undefined. */
type GoodSettings = Partial<Omit<TokenSettings, 'readers'> & { readers: readonly (Reader | undefined)[] }>;

/** Reads the list of tokens. There are none where there is a problem. */
export function readTokens(
  list: unknown,
  target: TargetEnvironment,
): { readonly tokens: TokenConfiguration[]; readonly problems: readonly Problem[] } {
  const problems = listProblems(list);
  const tokens = (Array.isArray(list) ? list : []).map((one, index) => {
    const { good, problems: found } = checkToken(one, target);
    for (const { path, message } of found)
      problems.push({ path: [`tokens[${index}]`, path].filter(Boolean).join('.'), message });
    return good;
  });
  const places = checkPlaces(tokens, target);
  problems.push(
    ...collisions(tokens),
    ...sharedRotations(tokens),
    ...places.problems,
    ...tokens.flatMap(({ readers = [] }, index) => checkReaders(readers, places.account, `tokens[${index}]`)),
  );
  if (problems.length > 0) return { tokens: [], problems };
  const complete = (tokens as TokenSettings[]).map((token) => ({
    ...token,
    ...sortReaders(token.readers, places.account),
    provider: providerSettingsOf(token),
    outputPrefix: pascalCase(token.name),
  }));
  return { tokens: complete, problems };
}

function listProblems(list: unknown): Problem[] {
  const path = 'tokens';
  if (!Array.isArray(list)) {
    const message = `${show(list)} is not a list; write the list [{"name": …, "provider": …}] into tokens.json beside cdk.json`;
    return [{ path, message }];
  }
  if (list.length === 0) return [{ path, message: 'is empty; describe at least one token' }];
  if (list.length <= MAX_TOKENS) return [];
  const message = `${list.length} tokens are more than the ${MAX_TOKENS} that fit a stack; make a second one (-c stackName=… -c tokensFile=…)`;
  return [{ path, message }];
}

function checkToken(value: unknown, target: TargetEnvironment) {
  const { good, problems } = check(tokenSchemaOf(value), value);
  const written = Object(value);
  // Beside a reader that is wrong, the roles that are right are still compared with the stack's place.
  const readers = problems.some(({ path }) => path.startsWith('readers['))
    ? { readers: written.readers.map((one: unknown) => READER.safeParse(one).data) as Reader[] }
    : {};
  return {
    good: { ...good, ...readers },
    problems: firsts([...problems, ...togetherProblems(written, good, target)]),
  };
}

/** Problems of settings that are right one by one. `written`: those that are not, too. */
function togetherProblems(
  written: Readonly<Partial<Record<string, unknown>>>,
  good: Partial<TokenSettings>,
  { account, region }: TargetEnvironment,
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string, message: string | false | undefined) => {
    if (message) problems.push({ path, message });
  };
  const has = (key: string) => written[key] !== undefined;
  const { name, prefix = '', provider = 'oauth2', rotation, refreshInterval, longestJob, vpcId } = good;
  const rules = PROVIDER_RULES[provider];
  const lifetimeMs = (good.expectedLifetime ?? rules.lifetime.default) * 60_000;

  refuse('name', name !== undefined && functionNameProblem(prefix, name));
  if (good.provider !== undefined) problems.push(...(rules.together?.(written) ?? []));
  refuse('secretArn', has('secretName') && has('secretArn') && 'is set beside secretName; set one of them');
  refuse(
    'secretEncryptionKeyArn',
    has('secretEncryptionKeyArn') &&
      !has('secretName') &&
      !has('secretArn') &&
      'is for an existing secret; set secretName or secretArn, or remove it (the secret that the stack creates takes encryptionKeyArn)',
  );
  if (rotation !== undefined) {
    const { adminSecretName: adminName, adminSecretArn: adminArn, everyDays } = rotation;
    const isNone = adminName === undefined && adminArn === undefined;
    const isOwn = !isNone && adminName === good.secretName && adminArn === good.secretArn;
    refuse(
      'rotation.adminSecretName',
      isNone
        ? 'is missing, and so is adminSecretArn; set one of them to the secret of the admin client'
        : isOwn && "is the token's own secret; store the admin client in another one",
    );
    refuse(
      'rotation.adminSecretArn',
      adminName && adminArn && 'is set beside adminSecretName; set one of them',
    );
    refuse('rotation.everyDays', rotationProblem(everyDays, lifetimeMs));
  }
  problems.push(
    ...timeProblems({
      lifetimeMs,
      refreshIntervalMs: refreshInterval && refreshInterval * 60_000,
      longestJobMs: longestJob && longestJob * 60_000,
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

function providerSettingsOf({ provider, ...token }: TokenSettings): ProviderSettings {
  const settings = Object.entries(token).filter(([key]) => key in PROVIDER_RULES[provider].settings);
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
function sharedRotations(tokens: readonly GoodSettings[]): Problem[] {
  const rotated = tokens.map(({ rotation, secretName, secretArn }) =>
    rotation === undefined ? undefined : (secretName ?? secretArn?.replace(/^.*:secret:(.*)-.{6}$/, '$1')),
  );
  return rotated.flatMap((secret, index) => {
    const first = secret === undefined ? index : rotated.indexOf(secret);
    if (first === index) return [];
    const message = `the secret of tokens[${first}] is rotated already, for all tokens that use it; remove it here`;
    return [{ path: `tokens[${index}].rotation`, message }];
  });
}

/** Two tokens may not share a construct, the names of outputs or a function's name, and with it the parameters. */
function collisions(tokens: readonly GoodSettings[]): Problem[] {
  const taken = new Map<string, string>();
  return tokens.flatMap(({ name, prefix = '' }, index) => {
    if (name === undefined) return [];
    const path = `tokens[${index}].name`;
    // The CDK takes the names of every object's members (`constructor`) for existing constructs.
    if (RESERVED_NAMES.includes(name) || name in Object.prototype)
      return [{ path, message: `"${name}" is the name of a part of the stack; choose another` }];
    const names = [
      `the construct "${name}"`,
      `the construct "${resourcesIdOf(name)}"`,
      `outputs that begin with "${pascalCase(name)}"`,
      `the function name "${functionNameOf(prefix, name)}"`,
    ];
    const shared = names.find((one) => taken.has(one));
    for (const one of names) if (!taken.has(one)) taken.set(one, `tokens[${index}], "${name}"`);
    return shared === undefined
      ? []
      : [{ path, message: `"${name}" makes ${shared} like ${taken.get(shared)}; choose another` }];
  });
}
