import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ClientProof } from '../providers/provider.ts';
import { parsePrivateKey } from './private-key.ts';

/** The lifetime of an assertion: enough for one request. */
const ASSERTION_SECONDS = 60;

/** The parts of a client assertion, besides the key. */
export interface AssertionOptions {
  /** The assertion's `aud`, if the settings name none. */
  readonly audience: string;
  readonly now: () => Date;
  /** For the error about an invalid key. */
  readonly secretArn: string;
}

/**
 * Adds the client authentication to a token request: exactly one method. Returns the credentials of Basic, or the
 * assertion, as they are sent.
 *
 * @throws RefreshError `SECRET_MALFORMED` for an invalid private key
 * @see RFC 6749 section 2.3
 */
export async function authenticateClient(
  headers: Record<string, string>,
  form: URLSearchParams,
  clientId: string,
  proof: ClientProof,
  options: AssertionOptions,
): Promise<string> {
  if (proof.method === 'client_secret_basic') {
    // RFC 6749 section 2.3.1 and appendix B: both are form-encoded.
    const credentials = btoa(`${encodeCredential(clientId)}:${encodeCredential(proof.clientSecret)}`);
    headers.authorization = `Basic ${credentials}`;
    return credentials;
  }
  form.set('client_id', clientId);
  if (proof.method === 'private_key_jwt') {
    const assertion = await signAssertion(clientId, proof, options);
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    form.set('client_assertion', assertion);
    return assertion;
  }
  form.set('client_secret', proof.clientSecret);
  return proof.clientSecret;
}

/**
 * Form-encodes an id or a secret for HTTP Basic, and escapes as little as the form encoding allows: many servers do not
 * decode Basic, and they still accept a UUID. A space is `%20`, because not every server decodes `+` as a space.
 */
export function encodeCredential(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice('='.length).replaceAll('+', '%20');
}

/** @see RFC 7523 sections 2.2 and 3 */
async function signAssertion(
  clientId: string,
  proof: Extract<ClientProof, { method: 'private_key_jwt' }>,
  { audience, now, secretArn }: AssertionOptions,
): Promise<string> {
  const { key, algorithm, kid } = parsePrivateKey(proof.privateKey, secretArn, proof.kid);
  const seconds = Math.floor(now().getTime() / 1000);
  return await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: algorithm, ...(kid === undefined ? {} : { kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(proof.audience ?? audience)
    .setIssuedAt(seconds)
    .setNotBefore(seconds)
    .setExpirationTime(seconds + ASSERTION_SECONDS)
    .sign(key);
}
