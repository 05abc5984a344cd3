import { Arn, ArnFormat } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { show } from '../rules/messages.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from '../rules/own-place.ts';
import type { Problem } from '../rules/rule.ts';

/** The account and region that the stack is synthesized for; undefined: for whichever it is deployed to. */
export interface TargetEnvironment {
  readonly account: string | undefined;
  readonly region: string | undefined;
}

/** Why each has to lie where the stack is. */
const REASONS: Readonly<Record<string, string>> = {
  encryptionKeyArn: OWN_PLACE_REASONS.encryptionKey,
  logEncryptionKeyArn: OWN_PLACE_REASONS.logEncryptionKey,
  alarmTopicArn: OWN_PLACE_REASONS.alarmTopic,
  secretArn: OWN_PLACE_REASONS.secret,
  secretEncryptionKeyArn: 'a secret is encrypted with a key of its own region; name that one',
  'rotation.adminSecretArn': 'the rotation reads a secret of its own account and region; store it there',
  'rotation.adminSecretEncryptionKeyArn': 'a secret is encrypted with a key of its own region; name that one',
  readers: 'IAM lets roles of its own partition in only; name one of those',
};

/**
 * Finds each ARN of another account, region or partition than the stack's; readers may be of other accounts. Without
 * credentials the stack's are not known: the CDK CLI then says `us-east-1` for any region. The first ARN's count instead,
 * readers' last.
 *
 * @returns the problems, and the stack's account, undefined if nothing names it
 */
export function checkPlaces(
  tokens: readonly object[],
  target: TargetEnvironment,
): { readonly account: string | undefined; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const arns = tokens.flatMap((token, index) => arnsOf(token, `tokens[${index}]`));
  const readerAccounts = new Set(
    arns.flatMap(({ field, place }) => (field === 'readers' ? place.account : [])),
  );
  const first = arns.find(({ field }) => field !== 'readers')?.place;
  const account = target.account ?? first?.account ?? [...readerAccounts][0];
  if (target.account === undefined && first === undefined && readerAccounts.size > 1) {
    const accounts = [...readerAccounts].join(' and ');
    const message = `the readers are of the accounts ${accounts}; which one is the stack’s is not known without credentials: give the CDK some (AWS_PROFILE)`;
    problems.push({ path: 'tokens', message });
  }
  const region = (target.account === undefined ? undefined : target.region) ?? first?.region;
  const partition =
    region === undefined ? arns[0]?.place.partition : (RegionInfo.get(region).partition ?? 'aws');
  const whose = target.account === undefined ? 'the other ARNs are' : 'the stack is';
  for (const { arn, place, path, field } of arns) {
    const own = { partition, region, account: field === 'readers' ? undefined : account };
    const problem = otherPlaceProblem(place, own, { reason: REASONS[field], whose });
    if (problem !== undefined) problems.push({ path, message: `${show(arn)} ${problem}` });
  }
  return { account, problems };
}

interface LocatedArn {
  readonly arn: string;
  readonly field: string;
  readonly path: string;
  readonly place: Place;
}

/** The ARNs of a token's settings. */
function arnsOf(value: unknown, path: string, field = ''): LocatedArn[] {
  if (typeof value === 'string') {
    if (REASONS[field] === undefined || !value.startsWith('arn:')) return [];
    const { partition, region, account } = Arn.split(value, ArnFormat.COLON_RESOURCE_NAME);
    return [{ arn: value, field, path, place: { partition, region: region || undefined, account } }];
  }
  if (Array.isArray(value)) return value.flatMap((one, index) => arnsOf(one, `${path}[${index}]`, field));
  return Object.entries(Object(value)).flatMap(([key, one]) =>
    // A reader is a role's ARN, or an object with it.
    field === 'readers'
      ? arnsOf(one, path, field)
      : arnsOf(one, `${path}.${key}`, field === '' ? key : `${field}.${key}`),
  );
}
