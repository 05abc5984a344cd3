import { execFile } from 'node:child_process';
import { Agent } from 'node:https';
import { promisify } from 'node:util';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../local/certificate-authority.ts';
import { basic, exchange, members, postForm } from './plain-client.ts';

const run = promisify(execFile);
const PRELOAD = new URL('../../../local/loopback-hosts.ts', import.meta.url).href;
const GRANT = { grant_type: 'client_credentials' };
const CLIENT = { clientId: 'ci', clientSecret: 'secret-1' };

let authority: CertificateAuthority;
let server: AuthorizationServer;

beforeAll(async () => {
  authority = await createCertificateAuthority();
});

afterEach(() => server.close());

const start = async (hostname: string) => {
  server = await startAuthorizationServer({
    clients: [CLIENT],
    hostname,
    tls: await authority.issue([hostname]),
  });
};
const mint = (ca = authority.certificate) =>
  postForm(server.tokenUrl, GRANT, { authorization: basic('ci', 'secret-1'), ca });

test('a client that trusts the authority is served over TLS', async () => {
  await start('localhost');

  expect(server.tokenUrl).toBe(`https://localhost:${server.port}/oauth/token`);
  expect((await mint()).status).toBe(200);
});

test('a client that does not trust the authority refuses the server', async () => {
  await start('localhost');
  const other = await createCertificateAuthority('Another authority');

  await expect(mint(other.certificate)).rejects.toThrow(/certificate/);
});

test.each([
  ['untrusted-certificate', { code: expect.stringMatching(/CERT|SIGNATURE|ISSUER/) }],
  ['not-tls', { code: expect.stringMatching(/SSL|EPROTO|ECONNRESET/) }],
] as const)('TLS can be broken (%s) and repaired', async (fault, expected) => {
  await start('localhost');
  await server.faults.breakTls(fault);
  await expect(mint()).rejects.toMatchObject(expected);
  expect(server.requests).toHaveLength(0);
  server.faults.repairTls();

  expect((await mint()).status).toBe(200);
});

test('broken TLS meets a client that keeps its connections open too', async () => {
  await start('localhost');
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.certificate });
  const probe = () => exchange(server.probeUrl, { agent });
  expect((await probe()).status).toBe(401);
  expect((await probe()).status).toBe(401);
  await server.faults.breakTls('not-tls');

  await expect(probe()).rejects.toHaveProperty('code');
  agent.destroy();
});

test('a reset works below TLS', async () => {
  await start('localhost');
  server.faults.next('token', { kind: 'reset' });
  server.faults.next('token', { kind: 'reset-mid-response' });

  await expect(mint()).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(mint()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('TLS cannot be broken where there is none', async () => {
  server = await startAuthorizationServer({ clients: [CLIENT] });

  await expect(server.faults.breakTls('not-tls')).rejects.toThrow('plain HTTP');
});

describe('a program that knows nothing of loopback', () => {
  const program = `
    const response = await fetch(process.argv[1], {
      method: 'POST',
      headers: { authorization: process.env.AUTHORIZATION },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    }).catch((error) => ({ text: () => error.cause.code }));
    console.log(await response.text());
  `;
  const runProgram = async (url: string, environment: Record<string, string>) => {
    const { stdout, stderr } = await run(
      process.execPath,
      ['--import', PRELOAD, '--input-type=module', '--eval', program, url],
      { env: { AUTHORIZATION: basic('ci', 'secret-1'), ...environment } },
    );
    expect(stderr).toBe('');
    return stdout;
  };

  test('reaches the server under the name of a real one and verifies its certificate', async () => {
    await start('login.example.test');
    const file = await authority.writeCertificate();
    const trust = { NODE_EXTRA_CA_CERTS: file.path };
    const LOOPBACK_HOSTS = 'api.example.test, login.example.test';

    const trusting = await runProgram(server.tokenUrl, { ...trust, LOOPBACK_HOSTS });
    const distrusting = await runProgram(server.tokenUrl, { LOOPBACK_HOSTS });
    const wrongName = await runProgram(server.tokenUrl.replace('login.', 'api.'), {
      ...trust,
      LOOPBACK_HOSTS,
    });
    await file.remove();

    expect(JSON.parse(trusting)).toMatchObject({ token_type: 'Bearer' });
    expect(distrusting).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
    expect(wrongName).toBe('ERR_TLS_CERT_ALTNAME_INVALID\n');
  });
});

test('discovery over TLS names the endpoints of the same origin', async () => {
  await start('localhost');
  const document = members(
    await exchange(`${server.issuer}/.well-known/openid-configuration`, { ca: authority.certificate }),
  );

  expect(document).toMatchObject({ issuer: server.url, token_endpoint: server.tokenUrl });
});
