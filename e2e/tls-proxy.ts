import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificateAuthority } from '../local/certificate-authority.ts';

/** An https endpoint in front of an http one. */
export interface TlsProxy {
  readonly url: string;
  /** File with the certificate of its authority, PEM. */
  readonly caFile: string;
  close(): Promise<void>;
}

/** Starts a proxy on loopback that takes https with a certificate of an authority of its own, and passes requests on unchanged. */
export async function startTlsProxy(upstreamUrl: string): Promise<TlsProxy> {
  const authority = await createCertificateAuthority();
  const { path: caFile, remove } = await authority.writeCertificate();
  const { key, cert } = await authority.issue(['127.0.0.1', 'localhost']);
  const { hostname, port } = new URL(upstreamUrl);
  const server = createServer({ key, cert }, (incoming, answer) => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ hostname, port, method, path, headers }, (upstream) => {
      answer.writeHead(upstream.statusCode ?? 502, upstream.headers);
      upstream.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile,
    async close() {
      server.close();
      server.closeAllConnections();
      await remove();
    },
  };
}
