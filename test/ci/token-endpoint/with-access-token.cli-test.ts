import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AwsCli, findAwsClis } from '../support/aws-cli.ts';
import { filesContaining, watchArguments } from '../support/process.ts';
import {
  ACCOUNT,
  AWKWARD_TOKEN,
  openReaderHarness,
  READ,
  REFRESH,
  type ReaderHarness,
} from '../support/reader-harness.ts';
import { echo, type GenesysApi, startGenesysApi } from './support/genesys-api.ts';
import { startJob } from './support/job.ts';

/* The built file beside the real access-token, which has suites of its own for shells and versions of the AWS CLI. */
describe('with the real access-token and AWS CLI', () => {
  let harness: ReaderHarness;
  let api: GenesysApi;
  let program: string;
  let refused: string;

  beforeEach(async () => {
    harness = await openReaderHarness(findAwsClis()[0] as AwsCli);
    refused = '';
    api = await startGenesysApi((request, response, token) =>
      token === refused ? response.writeHead(401).end() : echo(request, response, token),
    );
    for (const file of ['access-token', 'token-endpoint.mjs']) {
      copyFileSync(join('ci', file), join(harness.home, file));
    }
    program = join(harness.home, 'token-endpoint.mjs');
  });

  afterEach(async () => {
    await api.close();
    await harness.close();
  });

  test('the stored token is returned unchanged, whatever its characters, and is in no log, argument or file', async () => {
    const version = harness.storeToken(AWKWARD_TOKEN);
    harness.storeStatus({ version, lifeSeconds: 2850 });
    const watch = watchArguments(AWKWARD_TOKEN.slice(0, 13));
    const env = harness.jobEnvironment([READ, REFRESH]);
    const job = await startJob({ program, args: ['genesys'], env });

    const { status, body } = await job.requestToken();
    const ended = await job.end();
    const { seen, scans } = watch.stop();

    expect(status).toBe(200);
    expect(body.access_token).toBe(AWKWARD_TOKEN);
    expect(body.expires_in).toBeGreaterThan(2700);
    expect(body.expires_in).toBeLessThanOrEqual(2850);
    expect(ended.status).toBe(0);
    expect(scans).toBeGreaterThan(10);
    expect(seen).toEqual([]);
    expect(job.stderr()).toMatch(/^token v1 9f86d081884c expires \d\d:\d\d:\d\dZ, 47 min left$/m);
    expect(job.stderr()).not.toContain('canary-');
    expect(job.stderr()).not.toContain(job.env.OAUTH_CLIENT_SECRET);
    expect(filesContaining(harness.home, 'canary-')).toEqual([]);
    expect(filesContaining(harness.home, job.env.OAUTH_CLIENT_SECRET as string)).toEqual([]);
  });

  test.each([90, 7190, 86_000, 172_700])('a life of %d seconds is told as it is', async (lifeSeconds) => {
    const version = harness.storeToken('canary-token');
    harness.storeStatus({ version, lifeSeconds });
    const env = harness.jobEnvironment([READ, REFRESH]);
    const job = await startJob({ program, args: ['genesys', '--min-ttl', '60s'], env });

    const { body } = await job.requestToken();
    await job.end();

    expect(body.expires_in).toBeLessThanOrEqual(lifeSeconds);
    expect(body.expires_in).toBeGreaterThan(lifeSeconds - 60);
  });

  test('a token that the API refuses is replaced by another that is stored', async () => {
    harness.storeStatus({ version: harness.storeToken('canary-first') });
    const env = { ...harness.jobEnvironment([READ, REFRESH]), ...api.environment };
    const job = await startJob({ program, args: ['genesys', '--genesys-region', 'eu-central-1'], env });
    const { body } = await job.requestToken();
    harness.storeStatus({ version: harness.storeToken('canary-second') });
    refused = 'canary-first';

    const response = await job.call('/api/v2/users/me', String(body.access_token));
    await job.end();

    expect(response.status).toBe(200);
    expect(api.calls.map(({ token }) => token)).toEqual(['canary-first', 'canary-second']);
  });

  test('for a job that may not read, access-token prints the error, and COMMAND does not run', async () => {
    harness.storeStatus({ version: harness.storeToken('canary-token') });

    const starting = startJob({ program, args: ['genesys'], env: harness.jobEnvironment([]) });

    await expect(starting).rejects.toThrow(/AWS refused ssm:GetParameters[\s\S]*COMMAND was not run/);
  });

  test('for an ended session, access-token prints the error, and COMMAND does not run', async () => {
    harness.storeStatus({ version: harness.storeToken('canary-token') });
    const ended = harness.endpoint.registerPrincipal({
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/ci/ended`,
      policies: [READ],
      expiresAt: new Date(0),
    });
    const env = {
      ...harness.jobEnvironment([READ]),
      AWS_ACCESS_KEY_ID: ended.accessKeyId,
    };

    const starting = startJob({ program, args: ['genesys'], env });

    await expect(starting).rejects.toThrow(/its session may have expired[\s\S]*COMMAND was not run/);
  });
});
