import { findAwsClis } from './support/aws-cli.ts';
import { AWKWARD_TOKEN, openReaderHarness, READ, type ReaderHarness } from './support/reader-harness.ts';
import { requireShells, SHELLS } from './support/shells.ts';

const RECEIPT = /^token v1 9f86d081884c expires \d\d:\d\d:\d\dZ, 47 min left$/m;

/** The first AWS CLI under every shell; the other, which a shell cannot make any different, under the first. */
const CLIS = findAwsClis().map((cli, index) => ({
  cli,
  version: cli.version,
  shells: index === 0 ? SHELLS : SHELLS.slice(0, 1),
}));

describe.each(CLIS)('access-token with the AWS CLI $version', ({ cli, shells: names }) => {
  const shells = names.map((shell) => ({ name: shell.join(' '), shell }));
  let harness: ReaderHarness;

  beforeAll(requireShells);
  beforeEach(async () => {
    harness = await openReaderHarness(cli);
    harness.storeToken(AWKWARD_TOKEN);
    harness.storeStatus({ lifeSeconds: 2850 });
  });
  afterEach(() => harness.close());

  test.each(shells)('get prints the token and a receipt under $name', async ({ shell }) => {
    const job = await harness.job(['get', 'genesys'], { shell, policies: [READ] });

    expect(job.stdout).toBe(`${AWKWARD_TOKEN}\n`);
    expect(job.stderr).toMatch(RECEIPT);
    expect(job.status).toBe(0);
  });

  test.each(shells)(
    'get --json prints the token and its expiry for programs under $name',
    async ({ shell }) => {
      const job = await harness.job(['get', 'genesys', '--json'], { shell, policies: [READ] });

      const answer = JSON.parse(job.stdout);
      expect(answer).toEqual({
        token: AWKWARD_TOKEN,
        version: 1,
        fingerprint: '9f86d081884c',
        expiresAtEpoch: expect.any(Number),
      });
      expect(answer.expiresAtEpoch - Date.now() / 1000).toBeGreaterThan(2800);
      expect(answer.expiresAtEpoch - Date.now() / 1000).toBeLessThanOrEqual(2850);
      expect(job.stdout).toMatch(/^\{.*\}\n$/);
      expect(job.stderr).toMatch(RECEIPT);
      expect(job.status).toBe(0);
    },
  );

  test.each(shells)('exec becomes the command under $name', async ({ shell }) => {
    let pid: number | undefined;
    const job = await harness.job(
      [
        'exec',
        'genesys',
        '--env',
        'MY_TOKEN',
        '--',
        'sh',
        '-c',
        'printf "%s\\n" "$$ $MY_TOKEN $1"; exit 7',
        'name',
        'a b',
      ],
      { shell, policies: [READ], onStart: (child) => (pid = child.pid) },
    );

    expect(job.stdout).toBe(`${pid} ${AWKWARD_TOKEN} a b\n`);
    expect(job.status).toBe(7);
  });

  test.each(shells)('asks the refresher for more life under $name', async ({ shell }) => {
    const events: unknown[] = [];
    harness.endpoint.registerFunction({
      name: 'token-refresher-ci-genesys',
      async invoke(event) {
        events.push(event);
        const version = harness.storeToken('second-token');
        harness.storeStatus({ version, lifeSeconds: 3599 });
        return { payload: { outcome: 'refreshed', satisfied: true, tokenVersion: version } };
      },
    });

    const job = await harness.job(['get', 'genesys', '--min-ttl', '50m'], { shell });

    expect(events).toEqual([{ minRemainingSeconds: 3000 }]);
    expect(job.stdout).toBe('second-token\n');
    expect(job.stderr).toMatch(/^token v2 .* 59 min left$/m);
    expect(job.status).toBe(0);
  });

  test.each(shells)('says which action AWS refused, and to whom, under $name', async ({ shell }) => {
    const job = await harness.job(['get', 'genesys'], { shell, policies: [] });

    expect(job.stdout).toBe('');
    expect(job.stderr).toContain('AWS refused ssm:GetParameters on');
    expect(job.stderr).toContain('/ci/genesys/access-token');
    expect(job.stderr).toContain('for arn:aws:sts::111122223333:assumed-role/ci/job');
    expect(job.stderr).toContain('grantRead(role)');
    expect(job.status).toBe(5);
  });

  test.each(shells)('doctor prints its table under $name', async ({ shell }) => {
    harness.endpoint.registerFunction({
      name: 'token-refresher-ci-genesys',
      invoke: async () => ({
        payload: { outcome: 'diagnosed', healthy: true, steps: [{ step: 'secret', ok: true }] },
      }),
    });

    const job = await harness.job(['doctor', 'genesys'], { shell });

    expect(job.stdout).toMatch(/^STEP +RESULT +FAULT /);
    expect(job.stdout).toMatch(/^job: identity +ok .*assumed-role\/ci\/job in eu-central-1$/m);
    expect(job.stdout).toMatch(/^job: read parameters +ok /m);
    expect(job.stdout).toMatch(/^job: decrypt token +ok +- +v1$/m);
    expect(job.stdout).toMatch(/^token: life +ok +- +v1, 47 min left/m);
    expect(job.stdout).toMatch(/^refresher: secret +ok /m);
    expect(job.status).toBe(0);
  });
});
