import { Duration, Stack } from 'aws-cdk-lib';
import {
  AccountPrincipal,
  CompositePrincipal,
  type PrincipalBase,
  Role,
  WebIdentityPrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import * as z from 'zod';
import { defaultAudience, hasWildcard, OIDC_SUBJECT, type OidcSubject } from '../rules/oidc-subject.ts';
import { check, object } from '../rules/rule.ts';
import { roleArn } from '../rules/settings.ts';
import { throwProblems } from './configuration-error.ts';
/** Properties of a {@link ReaderRole}. At least one reader. */
export interface ReaderRoleProps {
  /**
   * ARNs of roles of other accounts. Their accounts must allow them `sts:AssumeRole` on this role.
   * @default - none
   */
  readonly roleArns?: readonly string[];

  /**
   * Jobs that prove who they are with an OIDC token. The account must have an OIDC provider for each issuer.
   * @default - none
   */
  readonly oidcSubjects?: readonly OidcSubject[];
}

const READERS = object(
  { roleArns: z.array(roleArn).default([]), oidcSubjects: z.array(OIDC_SUBJECT).default([]) },
  'an object with roleArns or oidcSubjects',
);

/**
 * A role for readers that the account has no role of: roles of other accounts, and jobs of CI systems, by OIDC. It trusts
 * exactly these. Its sessions last up to 12 hours; where a role takes it, AWS ends them after one.
 */
export class ReaderRole extends Role {
  constructor(scope: Construct, id: string, props: ReaderRoleProps) {
    const { problems } = check(READERS, Object(props));
    const { roleArns = [], oidcSubjects = [] } = Object(props) as ReaderRoleProps;
    const messages = problems.map(({ path, message }) => `${path}: ${message}`);
    if (roleArns.length + oidcSubjects.length === 0) messages.push('roleArns: has no reader');
    throwProblems(messages, `ReaderRole "${id}"`);
    const principals = [...trustedAccounts(roleArns), ...trustedIssuers(scope, oidcSubjects)];
    super(scope, id, {
      description: 'Reads access tokens, for other accounts and by OIDC',
      assumedBy: new CompositePrincipal(...principals),
      maxSessionDuration: Duration.hours(12),
    });
  }
}

/**
 * The account, and in it these roles only. A role as the principal would be replaced by its id: once somebody deletes that role,
 * the next deployment would fail.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
 */
function trustedAccounts(roleArns: readonly string[]): PrincipalBase[] {
  const byAccount = groupBy(roleArns, (arn) => arn.split(':')[4] ?? '');
  return [...byAccount].map(([account, arns]) =>
    new AccountPrincipal(account).withConditions({ ArnEquals: { 'aws:PrincipalArn': arns } }),
  );
}

/** A missing claim matches neither operator. */
function trustedIssuers(scope: Construct, oidcSubjects: readonly OidcSubject[]): PrincipalBase[] {
  const expected = oidcSubjects.map(({ oidcProvider, subject, audience }) => ({
    oidcProvider,
    subject,
    audience: audience ?? defaultAudience(oidcProvider, subject) ?? '',
  }));
  const alike = groupBy(expected, ({ oidcProvider, audience, subject }) =>
    JSON.stringify([oidcProvider, audience, hasWildcard(subject)]),
  );
  return [...alike.values()].map((group) => {
    const [{ oidcProvider, audience, subject }] = group;
    const aud = { [`${oidcProvider}:aud`]: audience };
    const sub = { [`${oidcProvider}:sub`]: group.map((one) => one.subject) };
    const conditions = hasWildcard(subject)
      ? { StringEquals: aud, StringLike: sub }
      : { StringEquals: { ...aud, ...sub } };
    return new WebIdentityPrincipal(oidcProviderArn(scope, oidcProvider), conditions);
  });
}

/** An account has one provider per URL, so that its ARN is known. */
function oidcProviderArn(scope: Construct, oidcProvider: string): string {
  return Stack.of(scope).formatArn({
    service: 'iam',
    region: '',
    resource: 'oidc-provider',
    resourceName: oidcProvider,
  });
}

/** Node.js 20 has no `Map.groupBy`. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items)
    groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item] as [T, ...T[]]);
  return groups;
}
