import { show } from '../rules/messages.ts';
import { OWN_PLACE_REASONS, otherPlaceProblem, type Place } from '../rules/own-place.ts';
import type { TokenSettings } from '../rules/settings.ts';
import { roleOf } from './readers.ts';

/** The account and region that the stack is synthesized for; undefined: for whichever it is deployed to. */
export interface TargetEnvironment {
  readonly account: string | undefined;
  readonly region: string | undefined;
}

/** Why each has to lie where the stack is. */
const REASONS = {
  encryptionKeyArn: OWN_PLACE_REASONS.encryptionKey,
  logEncryptionKeyArn: OWN_PLACE_REASONS.logEncryptionKey,
  alarmTopicArn: OWN_PLACE_REASONS.alarmTopic,
  secretArn: OWN_PLACE_REASONS.secret,
  secretEncryptionKeyArn: 'a secret is encrypted with a key of its own region; name that one',
  'rotation.adminSecretArn': 'the rotation reads a secret of its own account and region; store it there',
  'rotation.adminSecretEncryptionKeyArn': 'a secret is encrypted with a key of its own region; name that one',
  readers: 'IAM lets roles of its own partition in only; name one of those',
} as const;

/**
 * Notes each ARN of another account, region or partition than the stack's; readers may be of other accounts. Without
 * credentials the stack's are not known: the CDK CLI then says `us-east-1` for any region. The first ARN's count instead,
 * readers' last.
 *
 * @returns the stack's account, undefined if nothing names it
 */
export function refuseOtherPlaces(
  tokens: readonly Partial<TokenSettings>[],
  target: TargetEnvironment,
  problems: string[],
): string | undefined {
  const arns = tokens.flatMap((token, index) => arnsOf(token, `tokens[${index}]`));
  const readerAccounts = new Set(
    arns.flatMap(({ field, place }) => (field === 'readers' ? place.account : [])),
  );
  const own = arns.find(({ field }) => field !== 'readers')?.place;
  const account = target.account ?? own?.account ?? [...readerAccounts][0];
  if (target.account === undefined && own === undefined && readerAccounts.size > 1) {
    problems.push(
      `tokens: the readers are of the accounts ${[...readerAccounts].join(' and ')}; which one is the stack’s is not known without credentials: give the CDK some (AWS_PROFILE)`,
    );
  }
  const arnRegion = arns.find(({ place }) => place.region !== undefined)?.place.region;
  const region = target.account === undefined ? arnRegion : (target.region ?? arnRegion);
  const partition = region === undefined ? arns[0]?.place.partition : partitionOf(region);
  const whose = target.account === undefined ? 'the other ARNs are' : 'the stack is';
  for (const { arn, place, path, field } of arns) {
    const own = { partition, region, account: field === 'readers' ? undefined : account };
    const problem = otherPlaceProblem(place, own, { reason: REASONS[field], whose });
    if (problem !== undefined) problems.push(`${path}: ${show(arn)} ${problem}`);
  }
  return account;
}

function arnsOf(token: Partial<TokenSettings>, path: string) {
  return (Object.keys(REASONS) as (keyof typeof REASONS)[]).flatMap((field) => {
    const [key = '', part] = field.split('.');
    const outer = (token as Readonly<Record<string, unknown>>)[key];
    const value = part === undefined ? outer : (Object(outer) as Readonly<Record<string, unknown>>)[part];
    const arns = Array.isArray(value) ? value : [value];
    return arns.flatMap((one, index) => {
      const arn = roleOf(one);
      if (arn === undefined) return [];
      return [
        { field, arn, place: placeOf(arn), path: `${path}.${field}${value === one ? '' : `[${index}]`}` },
      ];
    });
  });
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
