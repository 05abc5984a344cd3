// reflect-metadata has to come first: the X.509 library's dependency injection needs it when it is loaded.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { temporaryDirectory } from './temporary-directory.ts';

const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A private key and the certificate that goes with it, both PEM: what `node:https` and `node:tls` take. */
export type ServerCertificate = { readonly key: string; readonly cert: string };

/** An authority of this process. Its private key is never written to a file. */
export type CertificateAuthority = Awaited<ReturnType<typeof createCertificateAuthority>>;

/**
 * Creates a certificate authority for tests and demonstrations, so that clients verify TLS. Certificates are valid for one
 * day, from an hour ago.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc5280#section-4.2 RFC 5280, 4.2}: the extensions set here
 * @see {@link https://nodejs.org/api/cli.html#node_extra_ca_certsfile NODE_EXTRA_CA_CERTS}
 */
export async function createCertificateAuthority() {
  const keys = await generateKeys();
  const validity = { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Certificate authority of one process',
    keys,
    signingAlgorithm: SIGNATURE,
    ...validity,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const certificate = pem(root);

  return {
    /** The authority's own certificate, PEM: for an undici `connect.ca`. */
    certificate,
    /** Writes {@link certificate} into a temporary file, since `NODE_EXTRA_CA_CERTS` takes a path and nothing else. */
    writeCertificate(): string {
      const path = join(temporaryDirectory(), 'ca.pem');
      writeFileSync(path, certificate);
      return path;
    },
    /** Issues a server certificate for these names; an IP address among them becomes an IP entry. */
    async issue(names: readonly string[]): Promise<ServerCertificate> {
      const serverKeys = await generateKeys();
      const server = await X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? 'localhost'}`,
        issuer: root.subject,
        publicKey: serverKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: SIGNATURE,
        ...validity,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([SERVER_AUTHENTICATION]),
          new SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
          ),
        ],
      });
      const key = KeyObject.from(serverKeys.privateKey).export({ type: 'pkcs8', format: 'pem' });
      return { key: String(key), cert: pem(server) };
    },
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(SIGNATURE, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
