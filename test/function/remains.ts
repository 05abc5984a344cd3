import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { openFunctionHarness } from '../../local/function-harness.ts';
import { play, remains } from './stage.ts';

/** All that Node and the clients can be made to print, short of a debugger. */
const LOUDEST = {
  NODE_DEBUG: 'http,https,net,tls,undici,fetch,stream,timer,module',
  NODE_DEBUG_NATIVE: 'http2',
  AWS_LAMBDA_LOG_LEVEL: 'TRACE',
  AWS_LAMBDA_LOG_FORMAT: 'JSON',
  LOG_LEVEL: 'trace',
  DEBUG: '*',
};

const canary = (): string => randomBytes(24).toString('base64url');

describe('what all scenes left behind', () => {
  test('at the loudest log level, with a good and a bad end', () =>
    play({ environment: LOUDEST }, async (scene) => {
      await scene.invoke({});
      await scene.invoke({ diagnose: true });
      scene.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });
      expect((await scene.failure({ force: true })).name).toBe('TOKEN_REJECTED');
      expect(scene.process.lines.length).toBeGreaterThan(20);
    }));

  test('a client that signs with its private key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'ci', alg: 'ES256', use: 'sig' };
    const client = { clientId: 'signer', authMethod: 'private_key_jwt' as const, jwks: { keys: [jwk] } };
    for (const line of pem.split('\n').filter((one) => one.length > 30)) remains.canaries.add(line);
    const base = await openFunctionHarness({
      knows: { clients: [client] },
      token: ({ authorizationServer }) => ({
        tokenUrl: undefined,
        issuer: authorizationServer.issuer,
        clientAuthentication: 'private_key_jwt',
      }),
    });
    try {
      const secretValue = JSON.stringify({ client_id: 'signer', private_key: pem, kid: 'ci' });
      await play({ base, secretValue, environment: LOUDEST }, async (scene) => {
        expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed' });
        scene.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });
        expect((await scene.failure({ force: true })).name).toBe('TOKEN_REJECTED');
      });
    } finally {
      await base.close();
    }
  });

  test('a CXone access key, accepted and refused', async () => {
    const accessKey = { accessKeyId: `${canary()}====`, accessKeySecret: `${canary()}====` };
    const clientSecret = canary();
    for (const secret of [...Object.values(accessKey), clientSecret]) remains.canaries.add(secret);
    const base = await openFunctionHarness({
      knows: { clients: [{ clientId: 'cxone', clientSecret }], accessKeys: [accessKey] },
      token: ({ authorizationServer }) => ({
        provider: 'nice-cxone',
        issuer: authorizationServer.issuer,
        tokenUrl: undefined,
        probeUrl: undefined,
      }),
    });
    try {
      const secretValue = JSON.stringify({
        client_id: 'cxone',
        client_secret: clientSecret,
        access_key_id: accessKey.accessKeyId,
        access_key_secret: accessKey.accessKeySecret,
      });
      await play({ base, secretValue, environment: LOUDEST }, async (scene) => {
        expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed' });
        scene.authorizationServer.replaceAccessKeySecret(accessKey.accessKeyId, canary());
        expect((await scene.failure({ force: true })).name).toBe('TOKEN_REJECTED');
      });
    } finally {
      await base.close();
    }
  });

  test('a token of more than 4,096 bytes, encrypted with a key of its own, used and kept alive', () =>
    play({ token: ({ aws }) => ({ encryptionKeyArn: aws.kms.addKey().arn }) }, async (scene) => {
      await scene.invoke({});
      scene.authorizationServer.setTokenLength(5_000);
      try {
        expect(await scene.invoke({ force: true })).toMatchObject({ outcome: 'refreshed', tokenVersion: 2 });
      } finally {
        scene.authorizationServer.setTokenLength(43);
      }
      scene.advance(5 * 60_000);
      expect(await scene.invoke({})).toMatchObject({ outcome: 'still-fresh' });
      expect(scene.aws.requests.at(-1)).toMatchObject({ operation: 'GetParameter', outcome: 'ok' });
    }));

  test('no token, client secret, access key or private key is in any line, error, result, metric or status', () => {
    const { haystack, canaries } = remains;
    expect(canaries.size).toBeGreaterThan(10);
    expect(haystack.length).toBeGreaterThan(100);
    const text = haystack.join('\n');
    const forms = (secret: string) => [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1),
      Buffer.from(secret).toString('base64url').slice(0, -1),
      Buffer.from(secret).toString('hex'),
    ];
    const leaked = [...canaries].flatMap(forms).filter((form) => text.includes(form));
    // The count alone: a failed assertion would print what leaked.
    expect(leaked.length).toBe(0);
  });

  test('every call to AWS was allowed by the synthesized policy, and nothing in the policy went unused', () => {
    const used = new Set<string>();
    for (const { fn, calls, isDenied } of remains.policies) {
      const own = calls.filter(
        ({ principal }) => principal.endsWith(`/${fn.name}`) && principal.includes('/refresher/'),
      );
      if (!isDenied) expect(own.filter(({ allowed }) => !allowed)).toEqual([]);
      for (const { iamAction, resource } of own) used.add(oneKey(`${iamAction} ${resource}`));
    }
    const permissions = remains.policies
      .flatMap(({ fn }) => fn.policyDocuments.flatMap(permissionsOf))
      .map(oneKey);
    const unused = [...new Set(permissions)].filter(
      (permission) => ![...used].some((call) => fits(permission, call)),
    );
    expect(unused).toEqual([]);
    expect(permissions.length).toBeGreaterThan(0);
  });
});

/** Each action with each of its resources, but those of the log, which the Lambda service writes. */
function permissionsOf(document: Readonly<Record<string, unknown>>): string[] {
  const statements = document.Statement as { Action: string | string[]; Resource: string | string[] }[];
  return statements.flatMap(({ Action, Resource }) =>
    [Action]
      .flat()
      .filter((action) => !action.startsWith('logs:'))
      .flatMap((action) => [Resource].flat().map((resource) => `${action} ${resource}`)),
  );
}

/** Each room has a key of its own; what one of them was used for counts for all. */
function oneKey(permission: string): string {
  return permission.replace(/:key\/[0-9a-f-]+$/, ':key/own');
}

/** Whether a call needed this permission; a policy's `?` stands for one character. */
function fits(permission: string, call: string): boolean {
  const pattern = permission.replace(/[.*+^${}()|[\]\\]/g, '\\$&').replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(call);
}
