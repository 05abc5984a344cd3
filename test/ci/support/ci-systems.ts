import { generateKeyPair, SignJWT } from 'jose';
import type { AwsEndpoint } from '../../../local/aws/endpoint.ts';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import type { Assembly } from '../../../local/cloud-assembly.ts';
import { LOCAL_PLACE, policiesOfRole } from '../../../local/synthesized-function.ts';
import { createResolver } from '../../../local/template-resolver.ts';

/** Jobs that get access from the stack, as in docs/readers.md. */
export const JOBS = {
  gitLab: {
    oidcProvider: 'gitlab.com',
    subject: 'project_path:octo/ivr:ref_type:branch:ref:main',
    audience: 'sts.amazonaws.com',
  },
  bitbucket: {
    oidcProvider: 'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc',
    subject: '{9a8b7c6d-1234-4abc-8def-0123456789ab}:*',
    audience: 'ari:cloud:bitbucket::workspace/680cb3e4-55d4-4f8b-9b8d-8f8d9ddbb4e1',
  },
} as const;

/** A role of another account that the stack lets in. */
export const FOREIGN_ROLE_ARN = 'arn:aws:iam::444455556666:role/deploy';

/** What the examples name in place of the output `GenesysReaderRole`. */
export const READER_ROLE_ARN = 'arn:aws:iam::111122223333:role/TokenRefresher-ReaderRole';

/** CI systems that issue OIDC tokens. */
export interface CiSystems {
  /** The token of a job: by default the one that the stack lets in. */
  idToken(system: keyof typeof JOBS, claims?: { aud?: string; sub?: string }): Promise<string>;
}

/** Makes the stack's reader role one that can be taken, and CI systems that the account knows. */
export async function openCiSystems(endpoint: AwsEndpoint, assembly: Assembly): Promise<CiSystems> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const resolver = createResolver(assembly, LOCAL_PLACE);
  const [logicalId = '', role] =
    Object.entries(assembly.template.Resources).find(
      ([id, { Type }]) => Type === 'AWS::IAM::Role' && id.includes('ReaderRole'),
    ) ?? [];
  endpoint.sts.registerRole({
    arn: READER_ROLE_ARN,
    trust: resolver.resolve(role?.Properties?.AssumeRolePolicyDocument) as PolicyDocument,
    policies: policiesOfRole(assembly, LOCAL_PLACE, resolver.ref(logicalId)),
    maxSessionSeconds: Number(role?.Properties?.MaxSessionDuration),
  });
  for (const { oidcProvider, audience } of Object.values(JOBS)) {
    endpoint.sts.registerOidcProvider({ name: oidcProvider, clientIds: [audience], publicKey });
  }
  return {
    idToken(system, claims = {}) {
      const { oidcProvider, subject, audience } = JOBS[system];
      return new SignJWT({ aud: audience, sub: subject, ...claims })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(`https://${oidcProvider}`)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    },
  };
}
