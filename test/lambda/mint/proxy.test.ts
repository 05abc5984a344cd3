import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCertificateAuthority } from '../../../local/certificate-authority.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';

const CLIENT = { client_id: 'ci', client_secret: 'canary-secret' };

/** A mint in a process of its own: Node reads `NODE_EXTRA_CA_CERTS` when it starts. */
const MINT = `
import { parseConfig } from '${new URL('../../../lambda/config.ts', import.meta.url).pathname}';
import { createMinter } from '${new URL('../../../lambda/mint/create-minter.ts', import.meta.url).pathname}';

const readSecret = async () => ({ text: process.env.SECRET, createdAt: undefined });
const minter = createMinter({ config: parseConfig(process.env), now: () => new Date(), readSecret });
const { accessToken } = await minter.mint({ signal: AbortSignal.timeout(20_000) });
process.stdout.write(accessToken);
`;

let recorder: Recorder;
let proxy: Server;
let connected: string[];
let caFile: string;

beforeEach(async () => {
  const authority = await createCertificateAuthority();
  caFile = join(temporaryDirectory(), 'ca.pem');
  writeFileSync(caFile, authority.certificate);
  recorder = await startRecorder(
    () => ({ body: '{"access_token":"minted","expires_in":3600}' }),
    await authority.issue(['login.example.test', 'localhost']),
  );
  connected = [];
  proxy = createServer().on('connect', (request, socket) => {
    connected.push(request.url ?? '');
    const upstream = connect(recorder.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const one of [socket, upstream]) one.on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});

afterEach(async () => {
  await recorder.close();
  proxy.closeAllConnections();
  proxy.close();
});

async function mint(tokenUrl: string, environment: object): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', MINT], {
    env: {
      TOKEN_NAME: 'ci',
      PROVIDER_SETTINGS: JSON.stringify({ provider: 'oauth2', tokenUrl }),
      SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf',
      TOKEN_PARAMETER: '/ci/ci/access-token',
      STATUS_PARAMETER: '/ci/ci/token-status',
      REFRESH_INTERVAL_SECONDS: '3000',
      ASSUMED_LIFETIME_SECONDS: '900',
      NODE_EXTRA_CA_CERTS: caFile,
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      SECRET: JSON.stringify(CLIENT),
      ...environment,
    },
  });
  return stdout;
}

test('the token request goes through HTTPS_PROXY, with TLS to a server with a certificate of NODE_EXTRA_CA_CERTS', async () => {
  expect(await mint('https://login.example.test/token', {})).toBe('minted');

  expect(connected).toEqual(['login.example.test:443']);
  expect(recorder.requests).toHaveLength(1);
});

test('a host of NO_PROXY is asked directly', async () => {
  const tokenUrl = `https://localhost:${recorder.port}/token`;

  expect(await mint(tokenUrl, { NO_PROXY: 'localhost' })).toBe('minted');

  expect(connected).toEqual([]);
});
