import { show } from '../../lambda/contract.ts';
import { ROLE_ARN } from '../construct/names.ts';
import {
  AUDIENCE,
  defaultAudience,
  OIDC_PROVIDER,
  type OidcSubject,
  subjectProblem,
} from '../construct/oidc-subject.ts';
import { type Fields, openFields } from './fields.ts';

/** One of a token's `readers`: the ARN of a role of any account, or jobs of a CI system. */
export type Reader = string | Required<OidcSubject>;

/** A token's readers, by the way in which they get access. */
export interface SortedReaders {
  /** ARNs of roles of the stack's account: the permissions are attached to them. */
  readonly readers: readonly string[];
  /** All others: they assume the token's reader role. */
  readonly assuming: { readonly roleArns: readonly string[]; readonly oidcSubjects: readonly OidcSubject[] };
}

/** Reads `readers`: role ARNs, and objects `{"oidcProvider", "subject", "audience"}`. */
export function readReaders(fields: Fields, problems: string[]): readonly Reader[] {
  const value = fields.raw('readers');
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    fields.problem(
      'readers',
      `${show(value)} is not a list of role ARNs and objects with oidcProvider and subject`,
    );
    return [];
  }
  const readers = value.map((one: unknown, index) =>
    typeof one === 'string'
      ? readRole(one, `readers[${index}]`, fields)
      : readOidcSubject(one, `${fields.path}.readers[${index}]`, problems),
  );
  const texts = readers.map((one) => JSON.stringify(one));
  texts.forEach((text, index) => {
    if (text !== undefined && texts.indexOf(text) !== index) {
      fields.problem(`readers[${index}]`, `${show(value[index])} is listed twice`);
    }
  });
  return readers as Reader[];
}

function readRole(arn: string, key: string, fields: Fields): string | undefined {
  if (!ROLE_ARN.test(arn)) {
    fields.problem(key, `${show(arn)} is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)`);
    return undefined;
  }
  return arn;
}

function readOidcSubject(
  value: unknown,
  path: string,
  problems: string[],
): Required<OidcSubject> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(
      `${path}: ${show(value)} is neither the ARN of a role nor an object with oidcProvider and subject`,
    );
    return undefined;
  }
  const fields = openFields(value, path, problems);
  if (fields === undefined) return undefined;
  const oidcProvider = fields.requiredText('oidcProvider', OIDC_PROVIDER.rule, OIDC_PROVIDER.test);
  const subject = fields.requiredText('subject', 'the sub of the jobs’ tokens', () => true);
  const given = fields.text('audience', AUDIENCE.rule, AUDIENCE.test);
  fields.refuseUnknown();
  if (oidcProvider === undefined || subject === undefined) return undefined;
  const problem = subjectProblem(oidcProvider, subject);
  if (problem !== undefined) fields.problem('subject', `${show(subject)} ${problem}`);
  const audience = given ?? defaultAudience(oidcProvider, subject);
  if (audience === undefined && !fields.has('audience')) {
    fields.problem(
      'audience',
      'is missing; Bitbucket shows it beside the identity provider: ari:cloud:bitbucket::workspace/<UUID>',
    );
  }
  return { oidcProvider, subject, audience: audience ?? '' };
}

/** Sorts a token's readers, and notes each role that cannot be one. `account` is the stack's. */
export function sortReaders(
  readers: readonly Reader[],
  account: string | undefined,
  path: string,
  problems: string[],
): SortedReaders {
  const roles = readers.filter((one) => typeof one === 'string');
  readers.forEach((one, index) => {
    if (typeof one !== 'string' || !isManagedByAws(one, isOwn(one, account))) return;
    problems.push(
      `${path}.readers[${index}]: ${show(one)} is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)`,
    );
  });
  return {
    readers: roles.filter((arn) => isOwn(arn, account)),
    assuming: {
      roleArns: roles.filter((arn) => !isOwn(arn, account)),
      oidcSubjects: readers.filter((one) => typeof one === 'object'),
    },
  };
}

function isOwn(arn: string, account: string | undefined): boolean {
  return account === undefined || arn.split(':')[4] === account;
}

/** A permission set's role of another account may assume a role here, because no policy is attached to it. */
function isManagedByAws(arn: string, isOwnRole: boolean): boolean {
  if (/:role\/aws-service-role\//.test(arn)) return true;
  return isOwnRole && /:role\/aws-reserved\/|\/AWSReservedSSO_/.test(arn);
}
