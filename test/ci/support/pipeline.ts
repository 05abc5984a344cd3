import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { openHarness } from '../../../local/harness.ts';
import { policiesOfRole } from '../../../local/synthesized-function.ts';
import { createResolver, LOCAL_PLACE } from '../../../local/template-resolver.ts';
import { startApiServer } from './api-server.ts';
import { type AwsCli, installAwsCommand, installCommand } from './aws-cli.ts';

/** Jobs that the stack lets in by OIDC, as in docs/readers.md. */
const JOBS = {
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

/** What the examples name in place of the output `GenesysReaderRole`. */
export const READER_ROLE_ARN = 'arn:aws:iam::111122223333:role/TokenRefresher-ReaderRole';

/** The synthesized stack on this machine, and what a job needs to use its token, `genesys`. */
export type Pipeline = Awaited<ReturnType<typeof openPipeline>>;

/** Starts a stack that has minted its first token; tokens live for an hour. */
export async function openPipeline(cli: AwsCli) {
  const harness = await openHarness({
    tokenName: 'genesys',
    target: { account: LOCAL_PLACE.accountId, region: LOCAL_PLACE.region },
    token: () => ({
      secretName: 'genesys/ci-client',
      readers: [`arn:aws:iam::${LOCAL_PLACE.accountId}:role/ci`, ...Object.values(JOBS)],
    }),
  });
  const { aws, assembly, authorizationServer } = harness;
  const api = await startApiServer(async (token) => (await authorizationServer.introspect(token)).active);
  const commands = mkdtempSync(join(tmpdir(), 'commands-'));
  installAwsCommand(cli, aws.url, commands);
  // It calls the API with its token, as Terraform's provider does, and fails if the API refuses the token.
  installCommand(
    commands,
    'terraform',
    `printf '%s\\n' "$* (\${GENESYSCLOUD_REGION:-no region})" >>"$HOME/terraform.calls"
[ "$1" != init ] || exit 0
echo "terraform $1"
printf 'Authorization: Bearer %s\\n' "\${GENESYSCLOUD_ACCESS_TOKEN:-none}" |
  curl --silent --show-error --fail --header @- --output /dev/null ${api.url}/api/v2/tokens/me`,
  );
  const checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
  cpSync('ci', join(checkout, 'ci'), { recursive: true });

  // The stack's reader role is one that can be taken, and the account knows the CI systems.
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const resolver = createResolver(assembly);
  const [logicalId = '', role] =
    Object.entries(assembly.template.Resources).find(
      ([id, { Type }]) => Type === 'AWS::IAM::Role' && id.includes('ReaderRole'),
    ) ?? [];
  aws.sts.registerRole({
    arn: READER_ROLE_ARN,
    trust: resolver.resolve(role?.Properties?.AssumeRolePolicyDocument) as PolicyDocument,
    policies: policiesOfRole(assembly, resolver.ref(logicalId)),
  });
  for (const { oidcProvider, audience } of Object.values(JOBS)) {
    aws.sts.registerOidcProvider({ name: oidcProvider, clientIds: [audience], publicKey });
  }
  await harness.invoke({});

  return {
    ...harness,
    api,
    /** A checkout with `ci/` in it; also HOME and TMPDIR of the jobs. */
    checkout,
    /** First directory of the jobs' PATH: `aws`, `terraform`. */
    commands,
    /** The token that is stored now. */
    token: () => harness.stored()?.value ?? 'none is stored',
    /** The OIDC token of a job that the stack lets in. */
    idToken(system: keyof typeof JOBS): Promise<string> {
      const { oidcProvider, subject, audience } = JOBS[system];
      // Bitbucket's subject ends with the step.
      return new SignJWT({
        aud: audience,
        sub: subject.replace('*', '{11111111-2222-4333-8444-555555555555}'),
      })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(`https://${oidcProvider}`)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    },
    /** Environment of a job whose role has these policies: by default those of a reader. */
    environment: (policies = policiesOfRole(assembly, 'ci')): Record<string, string> => ({
      ...harness.jobEnvironment(policies),
      // Where the CLI takes a role by itself, it knows no --endpoint-url.
      AWS_ENDPOINT_URL: aws.url,
      PATH: `${commands}:${process.env.PATH}`,
      HOME: checkout,
      TMPDIR: checkout,
    }),
    /** Has a token minted with a new client secret, and forgets what jobs did: for the next test. */
    async startAfresh(): Promise<void> {
      api.calls.length = 0;
      await harness.changeSecret();
      // The AWS CLI keeps the sessions of roles in .aws.
      for (const name of ['terraform.calls', '.aws'])
        rmSync(join(checkout, name), { recursive: true, force: true });
    },
    close: () => Promise.all([harness.close(), api.close()]),
  };
}
