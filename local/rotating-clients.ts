import { randomBytes } from 'node:crypto';
import type { Client } from './authorization-server/token-issuer.ts';
import { type Harness, type HarnessOptions, openHarness } from './harness.ts';

export const IDLE_CLIENT_ID = 'ci-jobs-idle';
export const ADMIN_CLIENT_ID = 'oauth-admin';
export const ADMIN_SECRET_NAME = 'demo/oauth-admin';

const DOMAIN = 'genesys.test';

const randomSecret = () => randomBytes(24).toString('base64url');

/**
 * Opens a harness with a token of Genesys Cloud, whose two clients take turns: over TLS and under host names, as the provider
 * `genesys-cloud` asks for. Its rotation is configured as CloudFormation does it.
 */
export async function openRotatingHarness(
  options: Omit<HarnessOptions, 'server'> & { readonly clients?: readonly Client[] } = {},
): Promise<Harness> {
  const admin = { clientId: ADMIN_CLIENT_ID, clientSecret: randomSecret(), mayEditClients: true };
  const harness = await openHarness({
    moreSecretKeys: { idle_client_id: IDLE_CLIENT_ID },
    ...options,
    hosts: [`login.${DOMAIN}`, `api.${DOMAIN}`],
    server: {
      clients: [
        { clientId: IDLE_CLIENT_ID, clientSecret: randomSecret(), roles: ['ci'] },
        admin,
        ...(options.clients ?? []),
      ],
    },
    token: (places) => {
      const token = {
        provider: 'genesys-cloud',
        region: `${DOMAIN}:${places.authorizationServer.port}`,
        allowUnlistedDomain: true,
        tokenUrl: undefined,
        probeUrl: undefined,
        rotation: { adminSecretName: ADMIN_SECRET_NAME } as Record<string, unknown>,
        ...options.token?.(places),
      };
      const { clientId: client_id, clientSecret: client_secret } = admin;
      places.aws.administer('CreateSecret', {
        Name: ADMIN_SECRET_NAME,
        SecretString: JSON.stringify({ client_id, client_secret }),
        KmsKeyId: token.rotation.adminSecretEncryptionKeyArn,
      });
      return token;
    },
  });
  harness.administer('RotateSecret', {
    SecretId: harness.secretName,
    RotationLambdaARN: harness.assembly.rotations[0]?.arn,
    RotateImmediately: false,
  });
  await harness.aws.rotated();
  return harness;
}
