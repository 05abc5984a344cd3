import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ClientProof } from '../providers/provider.ts';
import { parsePrivateKey, type SigningKey } from './private-key.ts';

/** A token request's form and headers before they are sent. */
export interface TokenForm {
  readonly headers: Record<string, string>;
  readonly form: URLSearchParams;
}

/** Adds the client authentication to a token request: exactly one method. @see RFC 6749 section 2.3 */
export type ClientAuthentication = (request: TokenForm) => void | Promise<void>;

/** The lifetime of an assertion: enough for one request. */
const ASSERTION_SECONDS = 60;

/** What a client assertion needs, besides the key. */
export interface AssertionOptions {
  /** The assertion's `aud`. */
  readonly audience: string;
  readonly now: () => Date;
  /** For the error about an invalid key. */
  readonly secretArn: string;
}

/**
 * Makes the function for one method of client authentication.
 *
 * @throws RefreshError `SECRET_MALFORMED` for an invalid private key
 */
export function clientAuthentication(
  clientId: string,
  proof: ClientProof,
  options: AssertionOptions,
): ClientAuthentication {
  switch (proof.method) {
    case 'client_secret_basic':
      return clientSecretBasic(clientId, proof.clientSecret);
    case 'client_secret_post':
      return clientSecretPost(clientId, proof.clientSecret);
    case 'private_key_jwt': {
      const signingKey = parsePrivateKey(proof.privateKey, options.secretArn, proof.kid);
      return privateKeyJwt(clientId, signingKey, {
        ...options,
        audience: proof.audience ?? options.audience,
      });
    }
  }
}

/** HTTP Basic with form-encoded credentials. @see RFC 6749 section 2.3.1 and appendix B */
export function clientSecretBasic(clientId: string, clientSecret: string): ClientAuthentication {
  return ({ headers }) => {
    const credentials = `${encodeCredential(clientId)}:${encodeCredential(clientSecret)}`;
    headers.authorization = `Basic ${Buffer.from(credentials, 'latin1').toString('base64')}`;
  };
}

/**
 * Form-encodes an id or a secret for HTTP Basic, and escapes as little as the form encoding allows: many servers do not
 * decode Basic, and they still accept a UUID. A space is `%20`, because not every server decodes `+` as a space.
 */
export function encodeCredential(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice('='.length).replaceAll('+', '%20');
}

/** Id and secret in the form. @see RFC 6749 section 2.3.1 */
export function clientSecretPost(clientId: string, clientSecret: string): ClientAuthentication {
  return ({ form }) => {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  };
}

/** A signed assertion in the form. @see RFC 7523 sections 2.2 and 3 */
export function privateKeyJwt(
  clientId: string,
  { key, algorithm, kid }: SigningKey,
  { audience, now }: Pick<AssertionOptions, 'audience' | 'now'>,
): ClientAuthentication {
  return async ({ form }) => {
    const seconds = Math.floor(now().getTime() / 1000);
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: algorithm, ...(kid === undefined ? {} : { kid }) })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(audience)
      .setIssuedAt(seconds)
      .setNotBefore(seconds)
      .setExpirationTime(seconds + ASSERTION_SECONDS)
      .sign(key);
    form.set('client_id', clientId);
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    form.set('client_assertion', assertion);
  };
}
