import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { type Harness, openHarness } from '../../../local/harness.ts';
import { LOCAL_PLACE, policiesOfRole } from '../../../local/synthesized-function.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { type AwsCli, installAwsCommand, installCommand } from './aws-cli.ts';
import { type CiSystems, FOREIGN_ROLE_ARN, JOBS, openCiSystems } from './ci-systems.ts';

/** The synthesized stack on this machine, and what a job needs to use its token, `genesys`. */
export interface Pipeline extends Harness {
  readonly api: ApiServer;
  /** CI systems whose jobs may take the stack's reader role. */
  readonly ciSystems: CiSystems;
  /** A checkout with `ci/` in it; also HOME and TMPDIR of the jobs. */
  readonly checkout: string;
  /** First directory of the jobs' PATH: `aws`, `terraform`. */
  readonly commands: string;
  /** The token that is stored now. */
  token(): string;
  /** Environment of a job whose role has these policies: by default those of a reader. */
  environment(policies?: readonly PolicyDocument[]): Record<string, string>;
  /** Ends faults, has a token minted with a new client secret, and forgets what jobs did: for the next test. */
  startAfresh(): Promise<void>;
}

/** Starts a stack that has minted its first token; tokens live for an hour. */
export async function openPipeline(cli: AwsCli): Promise<Pipeline> {
  const harness = await openHarness({
    tokenName: 'genesys',
    secretName: 'genesys/ci-client',
    target: { account: LOCAL_PLACE.accountId, region: LOCAL_PLACE.region },
    token: () => ({
      readers: [`arn:aws:iam::${LOCAL_PLACE.accountId}:role/ci`, FOREIGN_ROLE_ARN, ...Object.values(JOBS)],
    }),
  });
  const { aws, assembly, authorizationServer } = harness;
  const api = await startApiServer(async (token) => (await authorizationServer.introspect(token)).active);
  const commands = installAwsCommand(cli, aws.url);
  installTerraform(commands, api.url);
  const checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
  cpSync('ci', join(checkout, 'ci'), { recursive: true });
  await harness.invoke({});
  return {
    ...harness,
    api,
    ciSystems: await openCiSystems(aws, assembly),
    checkout,
    commands,
    token: () => harness.stored()?.value ?? 'none is stored',
    environment: (policies = policiesOfRole(assembly, LOCAL_PLACE, 'ci')) => ({
      ...harness.jobEnvironment(policies),
      PATH: `${commands}:${process.env.PATH}`,
      HOME: checkout,
      TMPDIR: checkout,
    }),
    async startAfresh() {
      api.forget();
      harness.clearFaults();
      await authorizationServer.faults.goOnline();
      await harness.changeSecret();
      // The AWS CLI keeps the sessions of roles in .aws.
      for (const name of ['terraform.calls', '.aws'])
        rmSync(join(checkout, name), { recursive: true, force: true });
    },
    async close() {
      await Promise.all([harness.close(), api.close()]);
      for (const directory of [checkout, commands]) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * A replacement for Terraform: it calls the API with its token, as the provider does, and records its arguments. It fails
 * if the API refuses the token.
 */
function installTerraform(commands: string, apiUrl: string): void {
  installCommand(
    commands,
    'terraform',
    `printf '%s\\n' "$* (\${GENESYSCLOUD_REGION:-no region})" >>"$HOME/terraform.calls"
[ "$1" != init ] || exit 0
echo "terraform $1"
printf 'Authorization: Bearer %s\\n' "\${GENESYSCLOUD_ACCESS_TOKEN:-none}" |
  curl --silent --show-error --fail --header @- --output /dev/null ${apiUrl}/api/v2/tokens/me`,
  );
}
