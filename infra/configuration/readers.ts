import { isManagedByAws, isServiceLinked } from '../rules/managed-role.ts';
import { show } from '../rules/messages.ts';
import { defaultAudience, type OidcSubject } from '../rules/oidc-subject.ts';
import type { TokenSettings } from '../rules/settings.ts';

/** A token's readers, by the way in which they get access. */
export interface SortedReaders {
  /** ARNs of roles of the stack's account: the permissions are attached to them. */
  readonly readers: readonly string[];
  /** All others: they assume the token's reader role. */
  readonly assuming: { readonly roleArns: readonly string[]; readonly oidcSubjects: readonly OidcSubject[] };
}

/** Sorts a token's readers, and notes each role that cannot be one. `account` is the stack's. */
export function sortReaders(
  readers: TokenSettings['readers'],
  account: string | undefined,
  path: string,
  problems: string[],
): SortedReaders {
  const isOwn = (arn: string) => account === undefined || arn.split(':')[4] === account;
  const roles = readers.filter((one) => typeof one === 'string');
  readers.forEach((one, index) => {
    // A permission set's role of another account may assume a role here: no policy is attached to it.
    if (typeof one !== 'string' || !(isOwn(one) ? isManagedByAws(one) : isServiceLinked(one))) return;
    problems.push(
      `${path}.readers[${index}]: ${show(one)} is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)`,
    );
  });
  return {
    readers: roles.filter(isOwn),
    assuming: {
      roleArns: roles.filter((arn) => !isOwn(arn)),
      oidcSubjects: readers.flatMap((one) =>
        typeof one === 'object'
          ? [{ ...one, audience: one.audience ?? defaultAudience(one.oidcProvider, one.subject) ?? '' }]
          : [],
      ),
    },
  };
}
