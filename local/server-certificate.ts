// reflect-metadata has to come first: the X.509 library's dependency injection needs it when it is loaded.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { temporaryDirectory } from './temporary-directory.ts';

const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A private key and the certificate that goes with it, both PEM: what `node:https` and `node:tls` take. */
export interface ServerCertificate {
  readonly key: string;
  /** Signed by itself, so that a client verifies TLS if it has this as its authority. */
  readonly cert: string;
}

/** Creates a certificate for these names; an IP address among them becomes an IP entry. Valid for a day, from an hour ago. */
export async function createServerCertificate(names: readonly string[]): Promise<ServerCertificate> {
  const keys = (await webcrypto.subtle.generateKey(SIGNATURE, true, ['sign'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${names[0]}`,
    keys,
    signingAlgorithm: SIGNATURE,
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    extensions: [
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
      ),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { key: String(key), cert: `${certificate.toString('pem')}\n` };
}

/**
 * The environment of a Node.js program that trusts a certificate.
 *
 * @see {@link https://nodejs.org/api/cli.html#node_extra_ca_certsfile NODE_EXTRA_CA_CERTS}: it takes a path and nothing else
 */
export function trusting({ cert }: ServerCertificate): { readonly NODE_EXTRA_CA_CERTS: string } {
  const path = join(temporaryDirectory(), 'ca.pem');
  writeFileSync(path, cert);
  return { NODE_EXTRA_CA_CERTS: path };
}
