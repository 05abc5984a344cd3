// reflect-metadata has to come first: the X.509 library's dependency injection needs it when it is loaded.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
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

const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A private key and the certificate that goes with it, both PEM: what `node:https` and `node:tls` take. */
export type ServerCertificate = { readonly key: string; readonly cert: string };

/** An authority of this process. Its private key is never written to a file. */
export type CertificateAuthority = {
  /** The authority's own certificate, PEM: for an undici `connect.ca`. */
  readonly certificate: string;
  /**
   * Writes {@link certificate} into a new directory under the system's one for temporary files, since
   * `NODE_EXTRA_CA_CERTS` takes a path and nothing else.
   */
  writeCertificate(): Promise<{ path: string; remove: () => Promise<void> }>;
  /** Issues a server certificate for these names; an IP address among them becomes an IP entry. */
  issue(names: readonly string[]): Promise<ServerCertificate>;
};

/**
 * Creates a certificate authority for tests and demonstrations, so that clients verify TLS. Certificates are valid for one
 * day, from an hour ago.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc5280#section-4.2 RFC 5280, 4.2}: the extensions set here
 * @see {@link https://nodejs.org/api/cli.html#node_extra_ca_certsfile NODE_EXTRA_CA_CERTS}
 */
export async function createCertificateAuthority(
  name = 'Certificate authority of one process',
): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const validity = { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
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
    certificate,
    async writeCertificate() {
      const directory = await mkdtemp(join(tmpdir(), 'certificate-authority-'));
      const path = join(directory, 'ca.pem');
      await writeFile(path, certificate);
      return { path, remove: () => rm(directory, { recursive: true, force: true }) };
    },
    async issue(names) {
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
      return { key: await privateKeyPem(serverKeys.privateKey), cert: pem(server) };
    },
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(SIGNATURE, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}
