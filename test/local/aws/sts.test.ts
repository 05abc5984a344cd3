import { generateKeyPair, SignJWT } from 'jose';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';

const NOW = new Date('2026-11-20T14:00:00.000Z');
const ROLE = 'arn:aws:iam::111122223333:role/reader';
const PROVIDER = 'gitlab.com';
const SUBJECT = 'project_path:octo/ivr:ref_type:branch:ref:main';

let endpoint: AwsEndpoint;
const { privateKey, publicKey } = await generateKeyPair('RS256');
const stranger = await generateKeyPair('RS256');

beforeAll(async () => {
  endpoint = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333', now: () => NOW });
  endpoint.sts.registerOidcProvider({ name: PROVIDER, clientIds: ['sts.amazonaws.com', 'other'], publicKey });
  endpoint.sts.registerRole({
    arn: ROLE,
    maxSessionSeconds: 43_200,
    policies: [],
    trust: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${PROVIDER}` },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: { [`${PROVIDER}:aud`]: 'sts.amazonaws.com', [`${PROVIDER}:sub`]: SUBJECT },
          },
        },
      ],
    },
  });
});
afterAll(() => endpoint.close());

interface Presented {
  readonly issuer?: string;
  readonly aud?: string;
  readonly sub?: string;
  readonly expiresAt?: Date;
  readonly key?: typeof privateKey;
  readonly durationSeconds?: number;
  readonly roleArn?: string;
}

/** Sends the unsigned call, and gives the XML that comes back. */
async function assumeRoleWithWebIdentity(presented: Presented): Promise<{ status: number; text: string }> {
  const token = await new SignJWT({
    aud: presented.aud ?? 'sts.amazonaws.com',
    sub: presented.sub ?? SUBJECT,
  })
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(presented.issuer ?? `https://${PROVIDER}`)
    .setExpirationTime(presented.expiresAt ?? new Date(NOW.getTime() + 60_000))
    .sign(presented.key ?? privateKey);
  const response = await fetch(endpoint.url, {
    method: 'POST',
    body: new URLSearchParams({
      Version: '2011-06-15',
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: presented.roleArn ?? ROLE,
      RoleSessionName: 'job',
      DurationSeconds: String(presented.durationSeconds ?? 3_600),
      WebIdentityToken: token,
    }),
  });
  return { status: response.status, text: await response.text() };
}

test('an OIDC token buys a session of as long as was asked for', async () => {
  const answer = await assumeRoleWithWebIdentity({ durationSeconds: 43_200 });

  expect(answer).toMatchObject({ status: 200 });
  expect(answer.text).toContain('<Expiration>2026-11-21T02:00:00.000Z</Expiration>');
  expect(answer.text).toContain('<Arn>arn:aws:sts::111122223333:assumed-role/reader/job</Arn>');
});

test.each<[string, Presented, string, string]>([
  [
    'another subject',
    { sub: 'x' },
    'AccessDenied',
    'Not authorized to perform sts:AssumeRoleWithWebIdentity',
  ],
  ['an audience of another reader', { aud: 'other' }, 'AccessDenied', 'Not authorized to perform'],
  [
    'an audience that the provider does not list',
    { aud: 'x' },
    'InvalidIdentityToken',
    'Incorrect token audience',
  ],
  [
    'an issuer that the account does not know',
    { issuer: 'https://evil.example.com' },
    'InvalidIdentityToken',
    'No OpenIDConnect provider found in your account for https://evil.example.com',
  ],
  [
    'a token that somebody else signed',
    { key: stranger.privateKey },
    'InvalidIdentityToken',
    'cannot be verified',
  ],
  [
    'a token that has ended',
    { expiresAt: new Date(NOW.getTime() - 60_000) },
    'ExpiredTokenException',
    'Token expired',
  ],
  ['a role that is not there', { roleArn: `${ROLE}2` }, 'AccessDenied', 'Not authorized to perform'],
  [
    'more time than the role allows',
    { durationSeconds: 43_201 },
    'ValidationError',
    'exceeds the MaxSessionDuration',
  ],
])('%s is refused', async (_, presented, code, message) => {
  const answer = await assumeRoleWithWebIdentity(presented);

  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.text).toContain(`<Code>${code}</Code>`);
  expect(answer.text).toContain(message);
  expect(answer.text).not.toContain('<SecretAccessKey>');
});
