import { show } from '../../lambda/contract.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from '../construct/own-place.ts';

/** The account and region that the stack is synthesized for; undefined: for whichever it is deployed to. */
export interface TargetEnvironment {
  readonly account: string | undefined;
  readonly region: string | undefined;
}

/** The ARNs of one token's configuration. */
interface TokenArns {
  readonly encryptionKeyArn?: string | undefined;
  readonly secretEncryptionKeyArn?: string | undefined;
  readonly logEncryptionKeyArn?: string | undefined;
  readonly alarmTopicArn?: string | undefined;
  readonly secret?: { readonly kind: string; readonly arn?: string };
  readonly readers?: readonly unknown[];
}

/** Why each has to lie where the stack is. */
const REASONS: Readonly<Record<string, string>> = {
  encryptionKeyArn: OWN_PLACE_REASONS.encryptionKey,
  logEncryptionKeyArn: OWN_PLACE_REASONS.logEncryptionKey,
  alarmTopicArn: OWN_PLACE_REASONS.alarmTopic,
  secretArn: OWN_PLACE_REASONS.secret,
  secretEncryptionKeyArn: 'a secret is encrypted with a key of its own region; name that one',
  readers: 'IAM lets roles of its own partition in only; name one of those',
};

/**
 * Notes each ARN of another account, region or partition than the stack's; readers may be of other accounts. Without
 * credentials the stack's are not known: the CDK CLI then says `us-east-1` for any region. The first ARN's count instead,
 * readers' last.
 *
 * @returns the stack's account, undefined if nothing names it
 */
export function refuseOtherPlaces(
  tokens: readonly (TokenArns | undefined)[],
  target: TargetEnvironment,
  problems: string[],
): string | undefined {
  const arns = tokens.flatMap((token, index) =>
    token === undefined ? [] : arnsOf(token, `tokens[${index}]`),
  );
  const places = arns.map(({ arn }) => placeOf(arn));
  const readerAccounts = new Set(
    arns.flatMap(({ field }, index) => (field === 'readers' ? places[index]?.account : [])),
  );
  const own = places.find((_, index) => arns[index]?.field !== 'readers');
  const account = target.account ?? own?.account ?? [...readerAccounts][0];
  if (target.account === undefined && own === undefined && readerAccounts.size > 1) {
    problems.push(
      `tokens: the readers are of the accounts ${[...readerAccounts].join(' and ')}; which one is the stack’s is not known without credentials: give the CDK some (AWS_PROFILE)`,
    );
  }
  const arnRegion = places.find((place) => place.region !== undefined)?.region;
  const region = target.account === undefined ? arnRegion : (target.region ?? arnRegion);
  const partition = region === undefined ? places[0]?.partition : partitionOf(region);
  const whose = target.account === undefined ? 'the other ARNs are' : 'the stack is';
  arns.forEach(({ arn, path, field }, index) => {
    const place = places[index];
    if (place === undefined) return;
    const own = { partition, region, account: field === 'readers' ? undefined : account };
    const problem = otherPlaceProblem(place, own, { reason: REASONS[field], whose });
    if (problem !== undefined) problems.push(`${path}: ${show(arn)} ${problem}`);
  });
  return account;
}

function arnsOf(token: TokenArns, path: string) {
  const {
    encryptionKeyArn,
    secretEncryptionKeyArn,
    logEncryptionKeyArn,
    alarmTopicArn,
    secret,
    readers = [],
  } = token;
  const fields = {
    encryptionKeyArn,
    secretEncryptionKeyArn,
    logEncryptionKeyArn,
    alarmTopicArn,
    secretArn: secret?.kind === 'arn' ? secret.arn : undefined,
  };
  const single = Object.entries(fields).map(([field, arn]) => ({ field, arn, path: `${path}.${field}` }));
  const roles = readers.map((arn, index) => ({ field: 'readers', arn, path: `${path}.readers[${index}]` }));
  return [...single, ...roles].flatMap((one) =>
    typeof one.arn === 'string' && one.arn.startsWith('arn:') ? [{ ...one, arn: one.arn }] : [],
  );
}

function placeOf(arn: string): Place {
  const [, partition = '', , region = '', account = ''] = arn.split(':');
  return { partition, region: region === '' ? undefined : region, account };
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
function partitionOf(region: string): string {
  const [, special] = /^(cn|us-gov|us-iso|us-isob|eu-isoe|us-isof|eusc)-/.exec(region) ?? [];
  const names: Readonly<Record<string, string>> = {
    'us-isob': 'aws-iso-b',
    'us-iso': 'aws-iso',
    'eu-isoe': 'aws-iso-e',
    'us-isof': 'aws-iso-f',
  };
  return special === undefined ? 'aws' : (names[special] ?? `aws-${special}`);
}
