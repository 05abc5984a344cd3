import * as z from 'zod';
import { show } from './messages.ts';
import { flag, must, object, text } from './rule.ts';

/** Jobs of a CI system that prove who they are with an OIDC token. */
export interface OidcSubject {
  /** The issuer's URL without `https://`, as IAM names the provider: `token.actions.githubusercontent.com`. */
  readonly oidcProvider: string;
  /**
   * The token's `sub`: `repo:org/repo:ref:refs/heads/main`. `*` and `?` are wildcards, allowed where the CI system is known,
   * and only after its owner: `repo:org/*`.
   */
  readonly subject: string;
  /**
   * The token's `aud`.
   * @default - sts.amazonaws.com; for Azure DevOps api://AzureADTokenExchange; Bitbucket has none
   */
  readonly audience?: string;
}

/** A CI system whose subjects are known. */
interface CiSystem {
  readonly name: string;
  readonly issues: (oidcProvider: string, subject: string) => boolean;
  /** Matches a subject, with wildcards or without, that admits the jobs of one owner only. */
  readonly subject: RegExp;
  /** Describes such a subject. */
  readonly form: string;
  readonly audience?: string;
}

const STS = 'sts.amazonaws.com';

/**
 * Everybody with an account at GitHub or GitLab.com can get a token and, at GitHub, choose the claims of its subject. Only
 * an owner at the beginning of the subject cannot be forged.
 *
 * @see https://docs.github.com/en/actions/reference/security/oidc
 * @see https://docs.gitlab.com/ci/secrets/id_token_authentication/
 * @see https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
 * @see https://aws.amazon.com/blogs/modernizing-with-aws/how-to-federate-into-aws-from-azure-devops-using-openid-connect
 */
const CI_SYSTEMS: readonly CiSystem[] = [
  {
    name: 'GitHub',
    // github.com, enterprises with an issuer or a domain of their own, GitHub Enterprise Server.
    issues: (provider) =>
      /^token\.actions\.(githubusercontent\.com|[a-z0-9-]+\.ghe\.com)(\/|$)|^[^/]+\/_services\/token$/.test(
        provider,
      ),
    subject:
      /^(?:repo(?:sitory)?:[\w.@-]+\/|repository_owner:[\w.-]+:|repository(?:_owner)?_id:\d+:|enterprise_id:\d+:)/,
    form: 'begins with repo:<owner>/, and a wildcard may only follow that',
    audience: STS,
  },
  {
    name: 'Bitbucket',
    issues: (provider) => /^api\.bitbucket\.org\//.test(provider),
    subject: /^\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}:(?:.*:)?\*$/,
    form: 'is {<UUID of the repository>}: with ":*" at the end, because the step’s UUID there is another one each time',
  },
  {
    name: 'Azure DevOps',
    issues: (provider) => /^vstoken\.dev\.azure\.com\//.test(provider),
    subject: /^(?:sc|p):\/\/[^/*?]+\/[^/*?]+\/[^*?]+$/,
    form: 'is exactly sc://<organization>/<project>/<service connection>, without a wildcard',
    audience: 'api://AzureADTokenExchange',
  },
  {
    name: 'GitLab',
    // A self-managed GitLab may have any host; its subjects have this form.
    issues: (provider, subject) => provider === 'gitlab.com' || subject.startsWith('project_path:'),
    subject: /^project_path:[\w.-]+\//,
    form: 'begins with project_path:<group>/, and a wildcard may only follow that',
    audience: STS,
  },
];

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html */
const oidcProvider = text(
  'the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)',
  /^(?=.{1,247}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*(\/[\w.~%+@-]+)*$/,
);

/** `${` would begin a policy variable, and `*` is no wildcard there. */
const audience = text(
  'an audience: 1 to 255 printable ASCII characters without spaces, wildcards and "${"',
  /^(?!.*\$\{)[!-)+->@-~]{1,255}$/,
);

const OIDC_CLAIMS = {
  oidcProvider,
  subject: z.string(must('the sub of the jobs’ tokens')),
  audience: audience.optional(),
};

const OIDC_RULE = 'an object with oidcProvider and subject';

/** The rules of an {@link OidcSubject}. */
export const OIDC_SUBJECT = object(OIDC_CLAIMS, OIDC_RULE).superRefine(refuseSubject);

/** The same as a reader, which may be allowed to read only. */
export const OIDC_READER = object({ ...OIDC_CLAIMS, refresh: flag().optional() }, OIDC_RULE).superRefine(
  refuseSubject,
);

function refuseSubject(one: z.output<z.ZodObject<typeof OIDC_CLAIMS>>, context: z.RefinementCtx): void {
  const problem = subjectProblem(one.oidcProvider, one.subject);
  if (problem !== undefined) {
    context.addIssue({ code: 'custom', path: ['subject'], message: `${show(one.subject)} ${problem}` });
  }
  if (one.audience === undefined && defaultAudience(one.oidcProvider, one.subject) === undefined) {
    const message =
      'is missing; Bitbucket shows it beside the identity provider: ari:cloud:bitbucket::workspace/<UUID>';
    context.addIssue({ code: 'custom', path: ['audience'], message });
  }
}

/** What is wrong with a subject of this provider; undefined if nothing is. It must name its owner. */
export function subjectProblem(oidcProvider: string, subject: string): string | undefined {
  // A policy accepts only these characters; STS accepts subjects of this length.
  if (!/^[\x20-\x7e\xa1-\xff]{1,255}$/.test(subject) || subject.includes('${')) {
    return 'is not a subject: 1 to 255 printable characters up to "ÿ", without "${"';
  }
  const system = ciSystemOf(oidcProvider, subject);
  if (system === undefined && hasWildcard(subject)) {
    return `has a wildcard, which is for GitHub, GitLab and Bitbucket only; write out the subjects of ${oidcProvider}`;
  }
  if (system === undefined || system.subject.test(subject)) return undefined;
  return `does not say whose jobs it admits: a subject of ${system.name} ${system.form}`;
}

/** The default audience of the CI system's tokens; undefined if it has none. */
export function defaultAudience(oidcProvider: string, subject: string): string | undefined {
  const system = ciSystemOf(oidcProvider, subject);
  return system === undefined ? STS : system.audience;
}

/** Whether IAM must compare the subject as a pattern. */
export function hasWildcard(subject: string): boolean {
  return /[*?]/.test(subject);
}

function ciSystemOf(oidcProvider: string, subject: string): CiSystem | undefined {
  return CI_SYSTEMS.find(({ issues }) => issues(oidcProvider, subject));
}
