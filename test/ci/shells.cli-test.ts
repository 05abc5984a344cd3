import type { ChildProcess } from 'node:child_process';
import { findAwsClis } from './support/aws-cli.ts';
import { AWKWARD_TOKEN, openReader } from './support/reader.ts';
import { ALL_SHELLS, requireShells } from './support/shells.ts';

/** The first AWS CLI under every shell; the other, which a shell cannot make any different, under the first. */
const CASES = findAwsClis().flatMap((cli, index) =>
  ALL_SHELLS.slice(0, index === 0 ? undefined : 1).map(({ name, shell }) => ({ name, shell, cli })),
);

beforeAll(requireShells);

test.each(CASES)('every verb, under $name, with the AWS CLI $cli.version', async ({ shell, cli }) => {
  const reader = await openReader(cli);
  reader.storeStatus({ version: reader.storeToken(AWKWARD_TOKEN), lifeSeconds: 2850 });
  const events: unknown[] = [];
  reader.refresher((event) => {
    events.push(event);
    const tokenVersion = reader.stored()?.version ?? 0;
    if ('diagnose' in (event as object)) return { payload: { steps: [{ step: 'secret', ok: true }] } };
    reader.storeStatus({ version: reader.storeToken('second-token'), lifeSeconds: 3599 });
    return { payload: { outcome: 'refreshed', satisfied: true, tokenVersion: tokenVersion + 1 } };
  });
  let pid: number | undefined;
  const onStart = (child: ChildProcess) => {
    pid = child.pid;
  };
  const command = ['sh', '-c', 'printf "%s\\n" "$$ $MY_TOKEN $1"; exit 7', 'name', 'a b'];

  const get = await reader.job(['get', 'genesys'], { shell });
  const json = await reader.job(['get', 'genesys', '--json'], { shell });
  const exec = await reader.job(['exec', 'genesys', '--env', 'MY_TOKEN', '--', ...command], {
    shell,
    onStart,
  });
  const doctor = await reader.job(['doctor', 'genesys'], { shell });
  const expiresAtEpoch = reader.status()?.expiresAtEpoch;
  const fresh = await reader.job(['get', 'genesys', '--min-ttl', '50m'], { shell });
  const refused = await reader.job(['get', 'genesys'], { shell, policies: [] });
  await reader.close();

  expect(get).toMatchObject({ status: 0, stdout: `${AWKWARD_TOKEN}\n` });
  expect(get.stderr).toMatch(/^token v1 9f86d081884c expires \d\d:\d\d:\d\dZ, 47 min left$/m);
  expect(json.stdout).toMatch(/^\{.*\}\n$/);
  const described = { version: 1, fingerprint: '9f86d081884c', expiresAtEpoch };
  expect(JSON.parse(json.stdout)).toEqual({ token: AWKWARD_TOKEN, ...described });
  expect(exec).toMatchObject({ status: 7, stdout: `${pid} ${AWKWARD_TOKEN} a b\n` });
  expect(doctor).toMatchObject({ status: 0, stderr: '' });
  expect(doctor.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trim())).toEqual([
    'STEP  RESULT  FAULT  DETAIL, OR WHAT TO DO',
    expect.stringMatching(/^job: identity {2}ok {2}- {2}.*assumed-role\/ci\/job in eu-central-1$/),
    'refresher: secret  ok  -',
    'job: read parameters  ok  -  /ci/genesys/access-token, /ci/genesys/token-status',
    expect.stringMatching(/^token: life {2}ok {2}- {2}v1, 47 min left, until 20/),
    expect.stringMatching(/^token: schedule {2}ok {2}- {2}next mint due 20/),
    'job: decrypt token  ok  -  v1',
    '',
  ]);
  expect(events).toEqual([{ diagnose: true }, { minRemainingSeconds: 3000 }]);
  expect(fresh).toMatchObject({ status: 0, stdout: 'second-token\n' });
  expect(refused).toMatchObject({ status: 5, stdout: '' });
  expect(refused.stderr).toContain('AWS refused ssm:GetParameters on ');
});
