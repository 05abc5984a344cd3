import { openAccount } from '../../../local/harness.ts';
import { type AwsCli, findAwsClis, installAwsCommand, READ, REFRESH } from '../support/aws-cli.ts';
import { AWKWARD_TOKEN, statusOf } from '../support/aws-stand-in.ts';
import { filesContaining } from '../support/process.ts';
import { createStoredToken, startJob } from './support/job.ts';

/* The built file beside the real access-token, which has suites of its own for shells and versions of the AWS CLI. */
test('the stored token is returned unchanged, whatever its characters, and is in no log and no file', async () => {
  const installed = createStoredToken();
  const { directory } = installed;
  const account = await openAccount({ tokenName: 'genesys' });
  installAwsCommand(findAwsClis()[0] as AwsCli, account.aws.url, directory);
  // By the real clock, which is ahead of the stand-in's.
  const expiry = new Date(Date.now() + 2_850_000);
  const expires = { expiresAt: expiry.toISOString(), expiresAtEpoch: Math.floor(expiry.getTime() / 1000) };
  account.storeStatus(statusOf(account.storeToken(AWKWARD_TOKEN), 0, expires));
  const PATH = `${directory}:${process.env.PATH}`;
  const env = { ...account.jobEnvironment([READ, REFRESH]), PATH, HOME: directory, TMPDIR: directory };

  const job = await startJob(installed, ['genesys'], env);
  const { status, body } = await job.requestToken();
  const ended = await job.end();
  await account.close();

  expect([status, ended.status]).toEqual([200, 0]);
  expect(body.access_token).toBe(AWKWARD_TOKEN);
  expect(body.expires_in).toBeGreaterThan(2790);
  expect(body.expires_in).toBeLessThanOrEqual(2850);
  expect(job.stderr()).toMatch(/^token v1 9f86d081884c expires \d\d:\d\d:\d\dZ, 47 min left$/m);
  for (const secret of ['canary-', job.env.OAUTH_CLIENT_SECRET as string]) {
    expect(job.stderr()).not.toContain(secret);
    expect(filesContaining(directory, secret)).toEqual([]);
  }
});
