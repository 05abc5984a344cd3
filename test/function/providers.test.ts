import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { JWK } from 'jose';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../local/authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../local/aws/endpoint.ts';
import { createFunctionProcess, type FunctionProcess } from '../../local/aws/function-process.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { createCertificateAuthority } from '../../local/certificate-authority.ts';
import { LOCAL_PLACE, type SynthesizedFunction, synthesize } from '../../local/synthesized-function.ts';

/*
 * Mints with every provider and every method of client authentication in the deployed bundle: esbuild must not have
 * removed code that one of them needs.
 */
const HOSTS = ['login.provider.test', 'api.provider.test', 'provider.test'];
const secret = { client_id: 'basic', client_secret: 'c4n4ry:+%& =secret' };
const accessKey = { access_key_id: 'key', access_key_secret: 'c4n4ry-access-key====' };
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let server: AuthorizationServer;
let aws: AwsEndpoint;
let functions: readonly SynthesizedFunction[];
let environment: Record<string, string>;
const processes: FunctionProcess[] = [];
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const certificate = await authority.writeCertificate();
  closers.push(certificate.remove);
  environment = { NODE_EXTRA_CA_CERTS: certificate.path, LOOPBACK_HOSTS: HOSTS.join(',') };
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' } as JWK;
  server = await startAuthorizationServer({
    hostname: 'login.provider.test',
    tls: await authority.issue(HOSTS),
    clients: [
      { clientId: 'basic', clientSecret: secret.client_secret, authMethod: 'client_secret_basic' },
      { clientId: 'post', clientSecret: secret.client_secret, authMethod: 'client_secret_post' },
      { clientId: 'jwt', authMethod: 'private_key_jwt', jwks: { keys: [jwk] } },
    ],
    accessKeys: [{ accessKeyId: 'key', accessKeySecret: accessKey.access_key_secret }],
  });
  closers.push(() => server.close());
  aws = await startAwsEndpoint(LOCAL_PLACE);
  closers.push(() => aws.close());

  const secrets = new SecretsManagerClient({
    region: aws.region,
    endpoint: aws.url,
    credentials: aws.iam.registerAdministrator(),
  });
  closers.push(() => secrets.destroy());
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
  const values: Record<string, object> = {
    basic: secret,
    post: { ...secret, client_id: 'post' },
    jwt: { client_id: 'jwt', private_key: pem },
    cxone: { ...secret, ...accessKey },
    key: accessKey,
  };
  for (const [Name, value] of Object.entries(values)) {
    await secrets.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(value) }));
  }

  const oauth2 = { provider: 'oauth2', tokenUrl: server.tokenUrl };
  const tokens = [
    {
      name: 'genesys',
      provider: 'genesys-cloud',
      region: `provider.test:${server.port}`,
      allowUnlistedDomain: true,
      secretName: 'basic',
    },
    { name: 'cxone', provider: 'nice-cxone', issuer: server.issuer, secretName: 'cxone' },
    {
      name: 'cxone-access-key',
      provider: 'nice-cxone-access-key',
      area: `login.provider.test:${server.port}`,
      secretName: 'key',
    },
    { name: 'basic', ...oauth2, secretName: 'basic' },
    { name: 'post', ...oauth2, clientAuthentication: 'client_secret_post', secretName: 'post' },
    { name: 'jwt', ...oauth2, clientAuthentication: 'private_key_jwt', secretName: 'jwt' },
    { name: 'discovered', provider: 'oauth2', issuer: server.issuer, secretName: 'basic' },
  ];
  functions = synthesize({ tokens }).functions;
}, 60_000);
afterEach(() => {
  // Nothing that these functions print holds a secret.
  const printed = processes.flatMap(({ lines }) => lines).join('\n');
  expect(printed).toContain('"outcome":"refreshed"');
  expect(printed).not.toContain('c4n4ry');
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await Promise.all(closers.map((close) => close()));
});

async function invoke(tokenName: string, event: object) {
  const fn = functions.find((one) => one.tokenName === tokenName);
  if (fn === undefined) throw new Error(`no function for ${tokenName}`);
  const process = createFunctionProcess({
    name: fn.name,
    region: aws.region,
    handlerFile: join(fn.codeDirectory, 'handler.mjs'),
    environment: { ...fn.environment, ...environment },
    endpointUrl: aws.url,
    credentials: aws.registerPrincipal({
      arn: `arn:aws:sts::${aws.accountId}:assumed-role/refresher/${fn.name}`,
      policies: fn.policyDocuments as PolicyDocument[],
    }),
    timeoutMs: fn.timeoutSeconds * 1000,
    nodeArguments: ['--import', fileURLToPath(new URL('../../local/loopback-hosts.ts', import.meta.url))],
  });
  processes.push(process);
  return await process.invoke(event, {
    awsRequestId: 'one',
    functionName: fn.name,
    invokedFunctionArn: fn.arn,
  });
}

test.each(['genesys', 'cxone', 'cxone-access-key', 'basic', 'post', 'jwt', 'discovered'])(
  'the bundle mints for the token "%s", over TLS, and stores a token that the server accepts',
  async (name) => {
    const minted = await invoke(name, {});
    const diagnosed = await invoke(name, { diagnose: true });

    expect(minted).toMatchObject({
      payload: { outcome: 'refreshed', reason: 'no-token', satisfied: true },
    });
    expect(diagnosed).toMatchObject({ payload: { healthy: true } });
    const stored = aws.ssm.parameters.get(`/ci/${name}/access-token`)?.versions[0]?.value ?? '';
    expect(await server.introspect(stored)).toMatchObject({ active: true });
  },
);

test('the bundle proves a Genesys Cloud token at the API before it stores it', async () => {
  const before = server.probes.length;

  await invoke('genesys', { force: true });

  expect(server.probes[before]?.path).toBe('/api/v2/tokens/me');
});
