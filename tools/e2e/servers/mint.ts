import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { RefreshError } from '../../../lambda/errors.ts';
import { createMinter } from '../../../lambda/mint/create-minter.ts';
import type { MintedToken } from '../../../lambda/mint/minter.ts';
import type { SecretStage } from '../../../lambda/mint/secret.ts';

export const PLAIN = { client_id: 'plain', client_secret: 'canary-plain' };
export const AWKWARD = { client_id: 'awk:ward %+', client_secret: 'canary s%c+d&e=f g/!~()' };
export const POST = { client_id: 'post', client_secret: AWKWARD.client_secret };
const WRONG = { ...PLAIN, client_secret: 'canary-wrong' };

/** Mints with these settings of an `oauth2` token, and these versions of its secret. */
export function mint(settings: object, stages: Partial<Record<SecretStage, object>>): Promise<MintedToken> {
  const target = { account: undefined, region: undefined };
  const [token] = parseTokens([{ name: 'e2e', provider: 'oauth2', ...settings }], target);
  if (token === undefined) throw new Error('no token');
  const minter = createMinter({
    config: {
      providerSettings: token.provider,
      secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:e2e-AbCdEf',
      assumedLifetimeMs: 900_000,
    },
    now: () => new Date(),
    readSecret: async (stage) => {
      const value = stages[stage];
      if (value === undefined) throw new RefreshError('SECRET_UNAVAILABLE', `There is no ${stage}.`);
      return { text: JSON.stringify(value), createdAt: undefined };
    },
  });
  return minter.mint({ signal: AbortSignal.timeout(20_000) });
}

/** The tests of a server with secrets. `check` asks it about a token of this client. */
export function testSecrets(
  settings: () => object,
  check: (minted: MintedToken, clientId: string) => Promise<void>,
): void {
  test.each([
    ['Basic', PLAIN, {}],
    ['Basic with characters that need encoding', AWKWARD, {}],
    ['client_secret_post', POST, { clientAuthentication: 'client_secret_post' }],
  ])('%s', async (_, client, more) => {
    await check(await mint({ ...settings(), ...more }, { AWSCURRENT: client }), client.client_id);
  });

  test('a wrong secret: TOKEN_REJECTED; the right one as AWSPREVIOUS is used', async () => {
    const error = await mint(settings(), { AWSCURRENT: WRONG }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'TOKEN_REJECTED',
      message: expect.stringContaining('The client id, secret or key is wrong'),
    });
    expect((error as Error).message).not.toContain('canary');

    const minted = await mint(settings(), { AWSCURRENT: WRONG, AWSPREVIOUS: PLAIN });
    await check(minted, PLAIN.client_id);
    expect(minted.secretStage).toBe('AWSPREVIOUS');
  });
}
