/**
 * Holds our AWS endpoint to what others wrote: `npm run contract`. botocore's models of the services say which inputs are refused, and
 * what an answer has. MiniStack passes the same contract tests, but for its known gaps.
 *
 * Takes a running emulator from CONTRACT_ENDPOINT_URL, or starts MiniStack. Exits with 1 if a test fails that is not a known gap, or
 * if a known gap passes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';
import { startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { installPythonTools } from '../../../tools/e2e/server-process.ts';
import { startMiniStack } from '../../../tools/e2e/target.ts';

const JEST = ['node_modules/jest/bin/jest.js', '--verbose', 'test/local/aws/.*-contract'];
const bin = installPythonTools('ministack');

const given = process.env.CONTRACT_ENDPOINT_URL;
const emulator = given === undefined ? await startMiniStack(bin, 'contract.log') : undefined;
try {
  await succeed(process.execPath, JEST, { CONTRACT_ENDPOINT_URL: given ?? emulator?.url });
  await checkModels();
} finally {
  await emulator?.stop();
}

async function checkModels(): Promise<void> {
  const accountId = '111122223333';
  const endpoint = await startAwsEndpoint({ region: 'eu-central-1', accountId });
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const name = 'issuer.example';
  endpoint.sts.registerOidcProvider({ name, clientIds: ['sts.amazonaws.com'], publicKey });
  const arn = `arn:aws:iam::${accountId}:role/contract`;
  const Principal = { AWS: accountId, Federated: `arn:aws:iam::${accountId}:oidc-provider/${name}` };
  const Statement = [{ Effect: 'Allow', Action: 'sts:*', Principal }];
  const trust = { Version: '2012-10-17', Statement };
  endpoint.sts.registerRole({ arn, trust, policies: [] });
  endpoint.lambda.register({ name: 'contract', invoke: async (payload) => ({ payload }) });
  const token = await new SignJWT({ iss: `https://${name}`, aud: 'sts.amazonaws.com', sub: 'job' })
    .setProtectedHeader({ alg: 'RS256' })
    .setExpirationTime('1h')
    .sign(privateKey);
  const { accessKeyId, secretAccessKey } = endpoint.iam.registerAdministrator();
  await succeed(
    join(bin, 'python'),
    [join(import.meta.dirname, 'botocore-models.py'), endpoint.url, arn, token],
    { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  );
  await endpoint.close();
}

async function succeed(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  if (status !== 0) process.exitCode = 1;
}
