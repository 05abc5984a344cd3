import { createPrivateKey, type JsonWebKey, type KeyObject, type webcrypto } from 'node:crypto';
import { malformedPrivateKey } from './credentials.ts';

/** A key that client assertions are signed with. `kid` is its id at the server, where one is known. */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly kid?: string;
}

const MIN_RSA_BITS = 2_048;

/**
 * Reads a private key: PEM (PKCS #8, PKCS #1, SEC 1) or a JWK as JSON. The algorithm follows from the key: RS256
 * for RSA (PS256 … where a JWK says so), ES256, ES384 or ES512, Ed25519.
 *
 * @throws RefreshError `SECRET_MALFORMED`
 * @see RFC 7517, RFC 7518 section 3.1
 */
export function parsePrivateKey(text: string, secretArn: string, kid?: string): SigningKey {
  const jwk = parseJwk(text);
  const key = readKey(text, jwk, secretArn);
  const algorithm = algorithmOf(key, jwk?.alg, secretArn);
  const keyId = kid ?? jwk?.kid;
  return { key: key.toCryptoKey(algorithm, false, ['sign']), ...(keyId === undefined ? {} : { kid: keyId }) };
}

function parseJwk(text: string): (JsonWebKey & { alg?: string; kid?: string }) | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== 'object' || json === null) return undefined;
    const { alg, kid, ...rest } = json as Record<string, unknown>;
    return {
      ...rest,
      ...(typeof alg === 'string' ? { alg } : {}),
      ...(typeof kid === 'string' && kid !== '' ? { kid } : {}),
    };
  } catch {
    return undefined;
  }
}

function readKey(text: string, jwk: JsonWebKey | undefined, secretArn: string): KeyObject {
  try {
    return jwk === undefined ? createPrivateKey(text) : createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    throw malformedPrivateKey(keyProblem(text, jwk), secretArn);
  }
}

function keyProblem(text: string, jwk: JsonWebKey | undefined): string {
  if (jwk !== undefined) return 'is JSON, but not a private JWK';
  if (text.includes('ENCRYPTED')) return 'is encrypted; store it without a passphrase';
  if (text.includes('PUBLIC KEY') || text.includes('CERTIFICATE')) return 'is not the private part';
  if (text.includes('\\n')) return 'has "\\n" as two characters where its lines should end';
  return 'is neither PEM (with its lines) nor a JWK';
}

function algorithmOf(key: KeyObject, jwkAlgorithm: string | undefined, secretArn: string) {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const curve = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[namedCurve];
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      if (modulusLength < MIN_RSA_BITS) {
        throw malformedPrivateKey(
          `is an RSA key of ${modulusLength} bits; ${MIN_RSA_BITS} is the least`,
          secretArn,
        );
      }
      const isPss = key.asymmetricKeyType === 'rsa-pss' || jwkAlgorithm?.startsWith('PS') === true;
      const bits = /^[RP]S(256|384|512)$/.exec(jwkAlgorithm ?? '')?.[1] ?? '256';
      return { name: isPss ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: `SHA-${bits}` };
    }
    case 'ec':
      if (curve === undefined)
        throw malformedPrivateKey('is on a curve other than P-256, P-384, P-521', secretArn);
      return { name: 'ECDSA', namedCurve: curve };
    case 'ed25519':
      return { name: 'Ed25519' };
    default:
      throw malformedPrivateKey('is not of the type RSA, EC or Ed25519', secretArn);
  }
}
