import { show } from '../../lambda/contract.ts';
import { OIDC_PROVIDER } from '../construct/oidc-subject.ts';
import type { SortedReaders } from './readers.ts';
import { parseJson } from './tokens-source.ts';

/** An OIDC provider that the stack creates. */
export interface OidcProviderConfiguration {
  /** Without `https://`. */
  readonly oidcProvider: string;
  /** The audiences of all its readers. */
  readonly audiences: readonly string[];
}

/**
 * Reads `createOidcProviders`, or the same as JSON from the command line, and notes each problem. An account has one
 * provider for each URL.
 */
export function readOidcProviders(
  value: unknown,
  tokens: readonly Pick<SortedReaders, 'assuming'>[],
  problems: string[],
): OidcProviderConfiguration[] {
  if (value === undefined) return [];
  const list = typeof value === 'string' ? parseJson(value).value : value;
  if (!Array.isArray(list)) {
    problems.push(
      `createOidcProviders: ${show(value)} is not a list like ["token.actions.githubusercontent.com"]`,
    );
    return [];
  }
  const subjects = tokens.flatMap(({ assuming }) => assuming.oidcSubjects);
  return list.map((oidcProvider: unknown, index) => {
    const audiences = subjects
      .filter((one) => one.oidcProvider === oidcProvider)
      .flatMap(({ audience }) => audience ?? []);
    const problem = problemOf(oidcProvider, audiences, list.indexOf(oidcProvider) !== index);
    if (problem !== undefined) {
      problems.push(`createOidcProviders[${index}]: ${show(oidcProvider)} ${problem}`);
    }
    return { oidcProvider: String(oidcProvider), audiences: [...new Set(audiences)].sort() };
  });
}

function problemOf(value: unknown, audiences: readonly string[], isTwice: boolean): string | undefined {
  if (typeof value !== 'string' || !OIDC_PROVIDER.test(value)) return `is not ${OIDC_PROVIDER.rule}`;
  if (isTwice) return 'is listed twice';
  return audiences.length === 0 ? 'is the oidcProvider of no reader; remove it' : undefined;
}
