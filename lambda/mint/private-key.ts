import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { malformedPrivateKey } from './credentials.ts';

/** A key that client assertions are signed with. */
export interface SigningKey {
  readonly key: KeyObject;
  /** The JWS algorithm. @see RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2 */
  readonly algorithm: string;
  /** The key's id at the server, if it is known. */
  readonly kid?: string;
}

const MIN_RSA_BITS = 2_048;

const EC_ALGORITHMS: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/**
 * Reads a private key: PEM (PKCS #8, PKCS #1, SEC 1) or a JWK as JSON. A JWK's `alg` decides the algorithm. The
 * defaults are RS256 for RSA, ES256, ES384 or ES512 for EC, and EdDSA for Ed25519. RFC 9864 renames EdDSA to `Ed25519`,
 * but not every server knows the new name.
 *
 * @throws RefreshError `SECRET_MALFORMED`
 * @see RFC 7517
 */
export function parsePrivateKey(text: string, secretArn: string, kid?: string): SigningKey {
  const jwk = parseJwk(text);
  const key = readKey(text, jwk, secretArn);
  const possible = possibleAlgorithms(key, secretArn);
  const algorithm = jwk?.alg ?? possible[0] ?? '';
  if (!possible.includes(algorithm)) {
    throw malformedPrivateKey(
      `has an alg that does not fit its type; possible are ${possible.join(', ')}`,
      secretArn,
    );
  }
  const keyId = kid ?? jwk?.kid;
  return { key, algorithm, ...(keyId === undefined ? {} : { kid: keyId }) };
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
  if (text.includes('\\n')) return 'has the two characters "\\n" instead of line ends';
  return 'is neither PEM (with its lines) nor a JWK';
}

/** The algorithms that a key can sign with, the default first. */
function possibleAlgorithms(key: KeyObject, secretArn: string): readonly string[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if (modulusLength < MIN_RSA_BITS) {
        throw malformedPrivateKey(
          `is an RSA key of ${modulusLength} bits; the minimum is ${MIN_RSA_BITS}`,
          secretArn,
        );
      }
      return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
    case 'rsa-pss':
      // Web Crypto signs only with the key of a JWK, or of the type RSA.
      throw malformedPrivateKey(
        'is of the type RSA-PSS, which cannot be used; make a key of the type RSA, and for PS256 store it as a JWK with "alg": "PS256"',
        secretArn,
      );
    case 'ec': {
      const algorithm = EC_ALGORITHMS[namedCurve];
      if (algorithm === undefined)
        throw malformedPrivateKey('is on a curve other than P-256, P-384, P-521', secretArn);
      return [algorithm];
    }
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    default:
      throw malformedPrivateKey('is not of the type RSA, EC or Ed25519', secretArn);
  }
}
