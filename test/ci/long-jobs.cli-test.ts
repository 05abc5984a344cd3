import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS, openHarness } from '../../local/harness.ts';
import { startApiServer } from './support/api-server.ts';
import { type AwsCli, findAwsClis, installAwsCommand, installCommand } from './support/aws-cli.ts';
import { run } from './support/process.ts';
import { readPolicy, refreshPolicy, SCRIPT } from './support/reader.ts';

/** An hour a minute: slow enough for the AWS CLI on a machine that is busy with other things. */
const SPEED = 60;

/** A job that calls the API, with what the shell function `bearer` prints, until 45 minutes have passed. */
const WORK = `set -e
end=$(($(date -u +%s) + 2700)) calls=0
call() { curl --silent --show-error --fail --header @- --output /dev/null "$API/$1"; }
work() {
  while [ "$(date -u +%s)" -lt "$end" ]; do
    bearer | sed 's/^/Authorization: Bearer /' | call "$1" || { echo "failed after $calls calls"; exit 1; }
    calls=$((calls + 1))
    sleep 1.5
  done
  echo "done"
}
`;

test('a 45-minute job can outlive a one-hour token, but not one from --min-ttl', async () => {
  const harness = await openHarness({ speed: SPEED });
  const { authorizationServer, aws, now } = harness;
  const api = await startApiServer(async (token) => (await authorizationServer.introspect(token)).active);
  const directory = installAwsCommand(
    findAwsClis()[0] as AwsCli,
    aws.url,
    mkdtempSync(join(tmpdir(), 'job-')),
  );
  // A `date` that tells the harness's time.
  installCommand(
    directory,
    'date',
    `[ "$*" = '-u +%s' ] || exec /bin/date "$@"
echo $(((${now().getTime()} + ($(/bin/date +%s%N) / 1000000 - ${Date.now()}) * ${SPEED}) / 1000))`,
  );
  const env = {
    ...harness.jobEnvironment([readPolicy('demo'), refreshPolicy('demo')]),
    PATH: `${directory}:${process.env.PATH}`,
    HOME: directory,
    SCRIPT,
    API: api.url,
  };
  const job = (script: string) => run(['sh', '-c', WORK + script], { env });
  await harness.invoke({});
  // Forty minutes are left: a token that is good for most of the job, and not for all of it.
  await sleep(harness.realMs(20 * MINUTE_MS));
  const schedule = setInterval(() => harness.invoke({}).catch(() => undefined), harness.realMs(MINUTE_MS));

  const [kept, enough, again] = await Promise.all([
    job(`token=$("$SCRIPT" get demo); bearer() { printf '%s\\n' "$token"; }; work kept`),
    job(`token=$("$SCRIPT" get demo --min-ttl 45m); bearer() { printf '%s\\n' "$token"; }; work enough`),
    job(`bearer() { "$SCRIPT" get demo; }; work again`),
  ]);
  clearInterval(schedule);
  await Promise.all([harness.close(), api.close()]);
  rmSync(directory, { recursive: true, force: true });

  expect(kept).toMatchObject({ status: 1, stdout: expect.stringMatching(/^failed after [1-9]\d* calls\n$/) });
  expect(enough).toMatchObject({ status: 0, stdout: 'done\n' });
  expect(again).toMatchObject({ status: 0, stdout: 'done\n' });
  const refused = api.calls.filter(({ accepted }) => !accepted).map(({ path }) => path);
  expect(refused).toEqual(['/kept']);
}, 300_000);
