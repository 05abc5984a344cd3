import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createCertificateAuthority } from '../../../local/certificate-authority.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';
import { minterFor, signal } from './minting.ts';

const trusted = getCACertificates('default');
let recorder: Recorder;
let proxy: Server;
let connected: string[];

beforeEach(async () => {
  const authority = await createCertificateAuthority();
  // The effect of NODE_EXTRA_CA_CERTS, which Node.js reads when it starts.
  setDefaultCACertificates([...trusted, authority.certificate]);
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
  setDefaultCACertificates(trusted);
  await recorder.close();
  proxy.closeAllConnections();
  proxy.close();
});

test.each([
  ['goes through the proxy, with TLS to the server', 'login.example.test', ['login.example.test:443']],
  ['to a host of NO_PROXY goes there directly', 'localhost', []],
])('the token request %s', async (_case, host, expected) => {
  const httpsProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const port = expected.length > 0 ? '' : `:${recorder.port}`;
  const secret = { client_id: 'ci', client_secret: 'canary-secret' };
  const minter = minterFor(
    { provider: 'oauth2', tokenUrl: `https://${host}${port}/token` },
    { AWSCURRENT: secret },
    { proxy: { httpsProxy, noProxy: 'localhost' } },
  );

  expect((await minter.mint({ signal: signal() })).accessToken).toBe('minted');

  expect(connected).toEqual(expected);
  expect(recorder.requests).toHaveLength(1);
});
