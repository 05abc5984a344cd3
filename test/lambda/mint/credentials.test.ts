import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { parseCredentials } from '../../../lambda/mint/credentials.ts';
import { parsePrivateKey } from '../../../lambda/mint/private-key.ts';
import { expectNoLeak } from '../../support/leaks.ts';
import { SECRET_ARN } from './minting.ts';

const CANARY = 'canary-Secret-4711';
const KEYS = ['client_id', 'client_secret'] as const;

const failure = (call: () => unknown) => {
  try {
    call();
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error('It did not fail.');
};

test.each([
  ['snake case', { client_id: 'ci', client_secret: CANARY }],
  ['camel case', { clientId: 'ci', clientSecret: CANARY }],
  ['both spellings with one value', { client_id: 'ci', clientId: 'ci', clientSecret: CANARY }],
  ['other keys beside them', { client_id: 'ci', client_secret: CANARY, note: 1 }],
])('credentials are read: %s', (_case, json) => {
  // Editors on Windows begin a file with a byte order mark, and many end it with a newline.
  expect(parseCredentials(`\ufeff${JSON.stringify(json)}\n`, KEYS, SECRET_ARN)).toEqual({
    client_id: 'ci',
    client_secret: CANARY,
  });
});

const SECRET = `"client_secret":"${CANARY}"`;
test.each([
  ['it is empty', ''],
  ['it is empty', ' \n'],
  ['it is not JSON', `client_secret=${CANARY}`],
  ['it is not JSON', `{${SECRET}`],
  ['it is JSON, but not an object', JSON.stringify(CANARY)],
  ['it is JSON, but not an object', JSON.stringify([CANARY])],
  ['it is JSON, but not an object', 'null'],
  ['client_id is missing; client_secret is missing', '{}'],
  ['client_id is missing', `{"id":"ci",${SECRET}}`],
  ['client_id is not a string but of the type number', `{"client_id":4711,${SECRET}}`],
  ['client_id is not a string but null', `{"client_id":null,${SECRET}}`],
  ['clientId is not a string but an array', `{"clientId":[],${SECRET}}`],
  ['client_id is empty', `{"client_id":"",${SECRET}}`],
  ['client_secret ends with a newline', `{"client_id":"ci","client_secret":"${CANARY}\\n"}`],
  ['client_secret ends with white space', `{"client_id":"ci","client_secret":"${CANARY} "}`],
  ['client_id begins with white space', `{"client_id":"\\t ci",${SECRET}}`],
  ['client_id contains a control character', `{"client_id":"c\\u0000i",${SECRET}}`],
  [
    'client_secret and clientSecret are both set, to different values',
    `{"client_id":"ci",${SECRET},"clientSecret":"other"}`,
  ],
])('a malformed secret is refused, and the message says what to do: %s', (problem, text) => {
  const error = failure(() => parseCredentials(text, KEYS, SECRET_ARN));

  expect(error.code).toBe('SECRET_MALFORMED');
  expect(error.message).toBe(
    `The secret ${SECRET_ARN} cannot be used: ${problem}. Write {"client_id": "…", "client_secret": "…"} into a file ` +
      `and store it: aws secretsmanager put-secret-value --secret-id ${SECRET_ARN} --secret-string file://credentials.json`,
  );
  expectNoLeak(error, [CANARY]);
});

describe('a private key', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const odd = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
  const exchange = generateKeyPairSync('x25519').privateKey;
  const toPem = (key: typeof weak) => key.export({ type: 'pkcs8', format: 'pem' }) as string;

  test('is read with the key id beside it', () => {
    expect(parsePrivateKey(pkcs8, SECRET_ARN, 'k1')).toMatchObject({ kid: 'k1', algorithm: 'EdDSA' });
  });

  test.each([
    ['PS384', 'rsa'],
    ['RS512', 'rsa'],
    ['EdDSA', 'ed25519'],
    ['Ed25519', 'ed25519'],
  ] as const)('as a JWK may name its algorithm: %s', (alg, type) => {
    const generated =
      type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
    const jwk = generated.privateKey.export({ format: 'jwk' });

    expect(parsePrivateKey(JSON.stringify({ ...jwk, alg }), SECRET_ARN).algorithm).toBe(alg);
  });

  test.each([
    ['text', CANARY, 'is neither PEM (with its lines) nor a JWK'],
    ['escaped line ends', pkcs8.replaceAll('\n', '\\n'), 'has the two characters "\\n" instead of line ends'],
    [
      'the public part',
      createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string,
      'is not the private part',
    ],
    [
      'a passphrase',
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' }) as string,
      'is encrypted; store it without a passphrase',
    ],
    [
      'a public JWK',
      JSON.stringify(createPublicKey(privateKey).export({ format: 'jwk' })),
      'is JSON, but not a private JWK',
    ],
    ['a short RSA key', toPem(weak), 'is an RSA key of 1024 bits; the minimum is 2048'],
    ['an odd curve', toPem(odd), 'is on a curve other than P-256, P-384, P-521'],
    ['a key that cannot sign', toPem(exchange), 'is not of the type RSA, EC or Ed25519'],
    [
      'an RSA-PSS key',
      toPem(pss),
      'is of the type RSA-PSS, which cannot be used; make a key of the type RSA, and for PS256 store it as a JWK with "alg": "PS256"',
    ],
    [
      'a JWK with another type’s algorithm',
      JSON.stringify({ ...privateKey.export({ format: 'jwk' }), alg: 'none' }),
      'has an alg that does not fit its type; possible are EdDSA, Ed25519',
    ],
  ])('that is invalid is refused: %s', (_case, text, problem) => {
    const error = failure(() => parsePrivateKey(text, SECRET_ARN));

    expect(error.code).toBe('SECRET_MALFORMED');
    expect(error.message).toContain(`private_key ${problem}. Write {"client_id": "…", "private_key": "…"}`);
    expectNoLeak(error, [CANARY, text]);
  });
});
