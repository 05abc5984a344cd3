import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { createFunctionProcess } from '../../../local/aws/function-process.ts';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import {
  LOCAL_PLACE,
  policiesOfRole,
  type SynthesizedFunction,
  synthesize,
} from '../../../local/synthesized-function.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { type AwsCli, installAwsCommand, installCommand } from './aws-cli.ts';
import { type CiSystems, FOREIGN_ROLE_ARN, JOBS, openCiSystems } from './ci-systems.ts';
import { run } from './process.ts';
import { ageToken } from './reader-harness.ts';

const SECRET_NAME = 'genesys/ci-client';

/** The synthesized stack on this machine, and what a job needs to use its token, `genesys`. */
export interface PipelineHarness {
  readonly endpoint: AwsEndpoint;
  readonly authorizationServer: AuthorizationServer;
  readonly api: ApiServer;
  readonly fn: SynthesizedFunction;
  /** The policies that `readers` in cdk.json attaches to the role `ci`. */
  readonly readerPolicies: readonly PolicyDocument[];
  /** CI systems whose jobs may take the stack's reader role. */
  readonly ciSystems: CiSystems;
  /** A checkout with `ci/` in it; also HOME and TMPDIR of the jobs. */
  readonly checkout: string;
  /** First directory of the jobs' PATH: `aws`, `terraform`. */
  readonly commands: string;
  /** The token that is stored now. */
  storedToken(): string;
  /** Environment of a job whose role has these policies. */
  jobEnvironment(policies: readonly PolicyDocument[]): Record<string, string>;
  /** Makes the stored token look as if it had been minted this much earlier. */
  ageToken(minutes: number): void;
  /** The version of it. */
  storedVersion(): number;
  /** Ends faults, restores the client secret, has a new token minted, and forgets what jobs did: for the next test. */
  startAfresh(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a stack that has minted its first token; tokens live for an hour. */
export async function openPipelineHarness(cli: AwsCli): Promise<PipelineHarness> {
  const clientSecret = randomBytes(24).toString('base64url');
  const authorizationServer = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret, authMethod: 'client_secret_basic' }],
    lifetimeSeconds: 3600,
  });
  const endpoint = await startAwsEndpoint(LOCAL_PLACE);
  const commands = installAwsCommand(cli, endpoint.url);
  const administrator = endpoint.iam.registerAdministrator();
  const environmentOf = (credentials: typeof administrator): Record<string, string> => ({
    PATH: `${commands}:${process.env.PATH}`,
    AWS_REGION: LOCAL_PLACE.region,
    AWS_DEFAULT_REGION: LOCAL_PLACE.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
  });
  const secret = JSON.stringify({ client_id: 'ci', client_secret: clientSecret });
  const aws = async (...words: string[]): Promise<void> => {
    const { status, stderr } = await run(['aws', ...words], { env: environmentOf(administrator) });
    if (status !== 0) throw new Error(stderr);
  };
  await aws('secretsmanager', 'create-secret', '--name', SECRET_NAME, '--secret-string', secret);

  const { functions, ...assembly } = synthesize({
    tokens: [
      {
        name: 'genesys',
        provider: 'oauth2',
        tokenUrl: authorizationServer.tokenUrl,
        probeUrl: authorizationServer.probeUrl,
        secretName: SECRET_NAME,
        readers: [`arn:aws:iam::${LOCAL_PLACE.accountId}:role/ci`, FOREIGN_ROLE_ARN, ...Object.values(JOBS)],
      },
    ],
    target: { account: LOCAL_PLACE.accountId, region: LOCAL_PLACE.region },
  });
  const fn = functions[0] as SynthesizedFunction;
  const functionProcess = createFunctionProcess({
    name: fn.name,
    region: LOCAL_PLACE.region,
    handlerFile: join(fn.codeDirectory, 'handler.mjs'),
    environment: fn.environment,
    endpointUrl: endpoint.url,
    credentials: endpoint.registerPrincipal({
      arn: `arn:aws:sts::${LOCAL_PLACE.accountId}:assumed-role/refresher/${fn.name}`,
      policies: fn.policyDocuments as PolicyDocument[],
    }),
    timeoutMs: fn.timeoutSeconds * 1000,
    memoryMegabytes: fn.memoryMiB,
  });
  endpoint.registerFunction({
    name: fn.name,
    ...(fn.reservedConcurrency === undefined ? {} : { concurrency: fn.reservedConcurrency }),
    invoke: functionProcess.invoke,
  });
  const api = await startApiServer(async (token) => (await authorizationServer.introspect(token)).active);
  const checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
  cpSync('ci', join(checkout, 'ci'), { recursive: true });
  installTerraform(commands, api.url);

  const isSecretCurrent = () =>
    endpoint.secretsManager.secrets
      .get(SECRET_NAME)
      ?.versions.some(
        ({ stages, value }) =>
          stages.includes('AWSCURRENT') && 'SecretString' in value && value.SecretString === secret,
      );

  const harness: PipelineHarness = {
    endpoint,
    authorizationServer,
    api,
    fn,
    ciSystems: await openCiSystems(endpoint, assembly),
    readerPolicies: policiesOfRole(assembly, LOCAL_PLACE, 'ci'),
    checkout,
    commands,
    storedToken: () =>
      endpoint.ssm.parameters.get('/ci/genesys/access-token')?.versions.at(-1)?.value ?? 'none is stored',
    storedVersion: () =>
      endpoint.ssm.parameters.get('/ci/genesys/access-token')?.versions.at(-1)?.version ?? 0,
    jobEnvironment: (policies) => ({
      ...environmentOf(
        endpoint.registerPrincipal({
          arn: `arn:aws:sts::${LOCAL_PLACE.accountId}:assumed-role/ci/job`,
          policies,
        }),
      ),
      HOME: checkout,
      TMPDIR: checkout,
    }),
    ageToken: (minutes) => ageToken(endpoint, 'genesys', minutes),
    async startAfresh() {
      api.forget();
      endpoint.faults.clear();
      authorizationServer.faults.clear();
      await authorizationServer.faults.goOnline();
      authorizationServer.replaceClientSecret('ci', clientSecret);
      if (!isSecretCurrent())
        await aws(
          'secretsmanager',
          'put-secret-value',
          '--secret-id',
          SECRET_NAME,
          '--secret-string',
          secret,
        );
      rmSync(join(checkout, 'terraform.calls'), { force: true });
      await invokeDirectly(functionProcess, { force: true });
    },
    async close() {
      await functionProcess.stop();
      await Promise.all([endpoint.close(), api.close(), authorizationServer.close()]);
      for (const directory of [checkout, commands, assembly.directory]) {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
  await invokeDirectly(functionProcess, {});
  return harness;
}

async function invokeDirectly(
  functionProcess: ReturnType<typeof createFunctionProcess>,
  event: object,
): Promise<void> {
  const context = {
    awsRequestId: 'first',
    functionName: 'f',
    invokedFunctionArn: 'arn:aws:lambda:::function:f',
  };
  const outcome = await functionProcess.invoke(event, context);
  if ('failure' in outcome) throw new Error(outcome.failure.errorMessage);
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
