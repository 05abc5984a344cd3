import { findAwsClis } from './support/aws-cli.ts';
import { AWKWARD_TOKEN, openReader, type Reader } from './support/reader.ts';
import { ALL_SHELLS, requireShells } from './support/shells.ts';

/** The first AWS CLI under every shell; the other, which a shell cannot make any different, under the first. */
const CASES = findAwsClis().flatMap((cli, index) =>
  ALL_SHELLS.slice(0, index === 0 ? undefined : 1).map(({ name, shell }) => ({ name, shell, cli })),
);

beforeAll(requireShells);

describe.each(CASES)('under $name, with the AWS CLI $cli.version', ({ shell, cli }) => {
  let reader: Reader;

  beforeEach(async () => {
    reader = await openReader(cli);
    reader.storeStatus({ version: reader.storeToken(AWKWARD_TOKEN), lifeSeconds: 2850 });
  });
  afterEach(() => reader.close());

  test('get prints the token and a receipt, get --json a line for programs', async () => {
    const get = await reader.job(['get', 'genesys'], { shell });
    const { stdout, ...json } = await reader.job(['get', 'genesys', '--json'], { shell });

    for (const job of [get, json])
      expect(job).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(/^token v1 9f86d081884c expires \d\d:\d\d:\d\dZ, 47 min left$/m),
      });
    expect(get.stdout).toBe(`${AWKWARD_TOKEN}\n`);
    expect(stdout).toMatch(/^\{.*\}\n$/);
    const expiresAtEpoch = Math.floor(Date.parse(String(reader.status()?.expiresAt)) / 1000);
    const described = { version: 1, fingerprint: '9f86d081884c', expiresAtEpoch };
    expect(JSON.parse(stdout)).toEqual({ token: AWKWARD_TOKEN, ...described });
  });

  test('exec becomes the command', async () => {
    let pid: number | undefined;
    const script = 'printf "%s\\n" "$$ $MY_TOKEN $1"; exit 7';
    const command = ['sh', '-c', script, 'name', 'a b'];

    const job = await reader.job(['exec', 'genesys', '--env', 'MY_TOKEN', '--', ...command], {
      shell,
      onStart: (child) => {
        pid = child.pid;
      },
    });

    expect(job).toMatchObject({ status: 7, stdout: `${pid} ${AWKWARD_TOKEN} a b\n` });
  });

  test('get asks the refresher for more life, and says what AWS refused', async () => {
    const events: unknown[] = [];
    reader.refresher((event) => {
      events.push(event);
      const tokenVersion = reader.storeToken('second-token');
      reader.storeStatus({ version: tokenVersion, lifeSeconds: 3599 });
      return { payload: { outcome: 'refreshed', satisfied: true, tokenVersion } };
    });

    const given = await reader.job(['get', 'genesys', '--min-ttl', '50m'], { shell });
    const refused = await reader.job(['get', 'genesys'], { shell, policies: [] });

    expect(events).toEqual([{ minRemainingSeconds: 3000 }]);
    expect(given).toMatchObject({ status: 0, stdout: 'second-token\n' });
    expect(given.stderr).toMatch(/^token v2 .* 59 min left$/m);
    expect(refused).toMatchObject({ status: 5, stdout: '' });
    expect(refused.stderr).toMatch(
      /AWS refused ssm:GetParameters on .*\/ci\/genesys\/access-token for arn:aws:sts::\d+:assumed-role\/ci\/job/,
    );
    expect(refused.stderr).toContain('grantRead(role)');
  });

  test('doctor prints its table', async () => {
    reader.refresher(() => ({ payload: { healthy: true, steps: [{ step: 'secret', ok: true }] } }));

    const job = await reader.job(['doctor', 'genesys'], { shell });

    expect(job).toMatchObject({ status: 0, stderr: '' });
    expect(job.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trim())).toEqual([
      'STEP  RESULT  FAULT  DETAIL, OR WHAT TO DO',
      expect.stringMatching(/^job: identity {2}ok {2}- {2}.*assumed-role\/ci\/job in eu-central-1$/),
      'job: read parameters  ok  -  /ci/genesys/access-token, /ci/genesys/token-status',
      expect.stringMatching(/^token: life {2}ok {2}- {2}v1, 47 min left, until 20/),
      expect.stringMatching(/^token: schedule {2}ok {2}- {2}next mint due 20/),
      'job: decrypt token  ok  -  v1',
      'refresher: secret  ok  -',
      '',
    ]);
  });
});
