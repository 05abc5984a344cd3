import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { malformedSecret } from './credentials.ts';
import { parseJsonObject } from './json-object.ts';

/** A key that client assertions are signed with. */
export interface SigningKey {
  readonly key: KeyObject;
  /** The JWS algorithm. @see RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2 */
  readonly algorithm: string;
  /** The key's id at the server, if it is known. */
  readonly kid: string | undefined;
}

const MIN_RSA_BITS = 2_048;

const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
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
  const malformed = (problem: string) =>
    malformedSecret(`private_key ${problem}`, ['client_id', 'private_key'], secretArn);
  const jwk: (JsonWebKey & { alg?: unknown; kid?: unknown }) | undefined = parseJsonObject(text);
  let key: KeyObject;
  try {
    key = createPrivateKey(jwk === undefined ? text : { key: jwk, format: 'jwk' });
  } catch {
    throw malformed(
      'is neither PEM (unencrypted, with line ends, not "\\n") of a private key, nor a private JWK',
    );
  }
  const possible = possibleAlgorithms(key);
  if (typeof possible === 'string') throw malformed(possible);
  const algorithm = jwk?.alg ?? possible[0];
  if (typeof algorithm !== 'string' || !possible.includes(algorithm)) {
    throw malformed(`has an alg that does not fit its type; possible are ${possible.join(', ')}`);
  }
  const keyId = kid ?? jwk?.kid;
  return { key, algorithm, kid: typeof keyId === 'string' && keyId !== '' ? keyId : undefined };
}

/** The algorithms that a key can sign with, the default first; a text says why there is none. */
function possibleAlgorithms({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): readonly string[] | string {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  const ecAlgorithm = EC_ALGORITHMS[namedCurve];
  switch (asymmetricKeyType) {
    case 'rsa':
      if (modulusLength >= MIN_RSA_BITS) return RSA_ALGORITHMS;
      return `is an RSA key of ${modulusLength} bits; the minimum is ${MIN_RSA_BITS}`;
    case 'ec':
      return ecAlgorithm === undefined ? 'is on a curve other than P-256, P-384, P-521' : [ecAlgorithm];
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    default:
      // Web Crypto does not sign with RSA-PSS's own type of key: one of the type RSA, as a JWK, may have "alg": "PS256".
      return `is of the type ${asymmetricKeyType}; possible are RSA, EC and Ed25519`;
  }
}
