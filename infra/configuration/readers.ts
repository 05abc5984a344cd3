import { isManagedByAws, isServiceLinked } from '../rules/managed-role.ts';
import { show } from '../rules/messages.ts';
import { defaultAudience, type OidcSubject } from '../rules/oidc-subject.ts';
import type { TokenSettings } from '../rules/settings.ts';

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

/** One that is wrong is undefined. */
type Reader = TokenSettings['readers'][number] | undefined;

/** The role that a reader is; undefined: it is a job by OIDC. */
export function roleOf(reader: Reader): string | undefined {
  if (typeof reader !== 'object') return reader;
  return 'role' in reader ? reader.role : undefined;
}

const isReadOnly = (reader: Reader) => typeof reader === 'object' && reader.refresh === false;

/** Sorts a token's readers, and notes each role that cannot be one. `account` is the stack's. */
export function sortReaders(
  readers: readonly Reader[],
  account: string | undefined,
  path: string,
  problems: string[],
): SortedReaders {
  const isOwn = (arn: string) => account === undefined || arn.split(':')[4] === account;
  const keys = readers.map((one) => roleOf(one) ?? JSON.stringify({ ...Object(one), refresh: undefined }));
  readers.forEach((one, index) => {
    const arn = roleOf(one);
    const first = keys.indexOf(keys[index] ?? '');
    // One that is listed twice in the same form is a problem of the list.
    if (one !== undefined && JSON.stringify(one) !== JSON.stringify(readers[first])) {
      problems.push(`${path}.readers[${index}]: ${show(one)} is listed twice`);
    }
    // A permission set's role of another account may assume a role here: no policy is attached to it.
    if (arn === undefined || !(isOwn(arn) ? isManagedByAws(arn) : isServiceLinked(arn))) return;
    problems.push(
      `${path}.readers[${index}]: ${show(arn)} is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)`,
    );
  });
  const own = (those: readonly Reader[]) => those.flatMap((one) => roleOf(one) ?? []).filter(isOwn);
  const assuming = (those: readonly Reader[]): AssumingReaders => ({
    roleArns: those.flatMap((one) => roleOf(one) ?? []).filter((arn) => !isOwn(arn)),
    oidcSubjects: those.flatMap((one) => {
      if (typeof one !== 'object' || 'role' in one) return [];
      const { oidcProvider, subject } = one;
      return [
        { oidcProvider, subject, audience: one.audience ?? defaultAudience(oidcProvider, subject) ?? '' },
      ];
    }),
  });
  const readOnly = readers.filter(isReadOnly);
  return {
    readers: own(readers),
    readOnly: own(readOnly),
    assuming: assuming(readers.filter((one) => !isReadOnly(one))),
    assumingReadOnly: assuming(readOnly),
  };
}
