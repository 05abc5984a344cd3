import { isManagedByAws, isServiceLinked } from '../rules/managed-role.ts';
import { show } from '../rules/messages.ts';
import type { OidcSubject } from '../rules/oidc-subject.ts';
import type { Problem } from '../rules/rule.ts';
import type { Reader } from '../rules/settings.ts';

/** Readers who assume a role of the stack. */
interface AssumingReaders {
  readonly roleArns: readonly string[];
  readonly oidcSubjects: readonly OidcSubject[];
}

/** A token's readers, by the way in which they get access. */
export interface SortedReaders {
  /** ARNs of roles of the stack's account: the permissions are attached to them. */
  readonly readers: readonly string[];
  /** Those of them that may not invoke the function. */
  readonly readOnly: readonly string[];
  /** All others: they assume the token's reader role. */
  readonly assuming: AssumingReaders;
  /** Those that may not invoke the function: they assume another one. */
  readonly assumingReadOnly: AssumingReaders;
}

const roleOf = (reader: Reader | undefined) => (reader && 'role' in reader ? [reader.role] : []);

/** Whether a role is of this account, the stack's. */
const isOf = (account: string | undefined) => (arn: string) => arn.split(':')[4] === account;

/** Sorts a token's readers. `account` is the stack's. */
export function sortReaders(readers: readonly Reader[], account: string | undefined): SortedReaders {
  const isOwn = isOf(account);
  const own = (those: readonly Reader[]) => those.flatMap(roleOf).filter(isOwn);
  const assuming = (those: readonly Reader[]) => ({
    roleArns: those.flatMap(roleOf).filter((arn) => !isOwn(arn)),
    oidcSubjects: those.flatMap(({ refresh: _, ...one }) => ('role' in one ? [] : [one as OidcSubject])),
  });
  const readOnly = readers.filter(({ refresh }) => refresh === false);
  return {
    readers: own(readers),
    readOnly: own(readOnly),
    assuming: assuming(readers.filter((one) => !readOnly.includes(one))),
    assumingReadOnly: assuming(readOnly),
  };
}

/** Finds each reader that is a role to which no policy is attached. One that is wrong otherwise is undefined. */
export function checkReaders(
  readers: readonly (Reader | undefined)[],
  account: string | undefined,
  path: string,
): Problem[] {
  const isOwn = isOf(account);
  return readers.flatMap((reader, index) =>
    roleOf(reader)
      // A permission set's role of another account may assume a role here: no policy is attached to it.
      .filter((arn) => (isOwn(arn) ? isManagedByAws(arn) : isServiceLinked(arn)))
      .map((arn) => ({
        path: `${path}.readers[${index}]`,
        message: `${show(arn)} is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)`,
      })),
  );
}
