import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Harness, openHarness } from '../../local/harness.ts';
import { type ApiServer, startApiServer } from './support/api-server.ts';
import { type AwsCli, findAwsClis, installAwsCommand, installCommand } from './support/aws-cli.ts';
import { type Ended, run } from './support/process.ts';
import {
  ACCOUNT,
  ageToken,
  environmentOfJob,
  readPolicy,
  refreshPolicy,
  SCRIPT,
} from './support/reader-harness.ts';

const MINUTE_MS = 60_000;

let harness: Harness;
let api: ApiServer;
let environment: Record<string, string>;

async function start(speed: number): Promise<void> {
  harness = await openHarness({ speed, lifetimeSeconds: 3600, refreshIntervalMinutes: 50 });
  api = await startApiServer(async (token) => (await harness.authorizationServer.introspect(token)).active);
  const commands = installAwsCommand(findAwsClis()[0] as AwsCli, harness.aws.url);
  installClock(commands, speed);
  const home = mkdtempSync(join(tmpdir(), 'job-'));
  const credentials = harness.aws.registerPrincipal({
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/ci/job`,
    policies: [readPolicy('demo'), refreshPolicy('demo')],
  });
  environment = {
    ...environmentOfJob({ commands, home, credentials }),
    ACCESS_TOKEN_SCRIPT: SCRIPT,
    API: api.url,
  };
}

afterEach(async () => {
  await Promise.all([harness.close(), api.close()]);
  rmSync(environment.HOME ?? '', { recursive: true, force: true });
});

/** A `date` that tells the harness's time, which runs `speed` times as fast as the machine's. */
function installClock(commands: string, speed: number): void {
  const real = Date.now();
  const fast = harness.now().getTime();
  installCommand(
    commands,
    'date',
    `[ "$*" = '-u +%s' ] || exec /bin/date "$@"
echo $(((${fast} + ($(/bin/date +%s%N) / 1000000 - ${real}) * ${speed}) / 1000))`,
  );
}

/** Beats once a minute of the harness's clock, as the schedule does, until stopped. */
function startHeartbeat(): { stop(): Promise<void> } {
  let stopped = false;
  const beating = (async () => {
    while (!stopped) {
      await harness.invoke({}).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, harness.realMs(MINUTE_MS)));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await beating;
    },
  };
}

/** A job that calls the API, with what the shell function `bearer` prints, until 45 minutes have passed. */
function job(script: string): Promise<Ended> {
  const prelude = `set -e
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
  return run(['sh', '-c', prelude + script], { env: environment });
}

test('a 45-minute job can outlive a one-hour token, but not one from --min-ttl', async () => {
  // A minute an hour: slow enough for the AWS CLI on a machine that is busy with other things.
  await start(60);
  const heartbeat = startHeartbeat();
  const issuedAt = await firstTokenAt();
  // Forty minutes are left: a token that is good for most of the job, and not for all of it.
  while (harness.now().getTime() < issuedAt + 20 * MINUTE_MS) await heartbeatsOf(1);

  const [kept, enough, again] = await Promise.all([
    job(`token=$("$ACCESS_TOKEN_SCRIPT" get demo); bearer() { printf '%s\\n' "$token"; }; work kept`),
    job(
      `token=$("$ACCESS_TOKEN_SCRIPT" get demo --min-ttl 45m); bearer() { printf '%s\\n' "$token"; }; work enough`,
    ),
    job(`bearer() { "$ACCESS_TOKEN_SCRIPT" get demo; }; work again`),
  ]);
  await heartbeat.stop();

  expect(kept).toMatchObject({ status: 1, stdout: expect.stringMatching(/^failed after [1-9]\d* calls\n$/) });
  expect(enough).toMatchObject({ status: 0, stdout: 'done\n' });
  expect(again).toMatchObject({ status: 0, stdout: 'done\n' });
  const refused = api.calls.filter(({ accepted }) => !accepted).map(({ path }) => path);
  expect(refused).toEqual(['/kept']);
}, 300_000);

async function firstTokenAt(): Promise<number> {
  for (;;) {
    const status = harness.status();
    if (status) return Date.parse(String(status.issuedAt));
    await heartbeatsOf(1);
  }
}

function heartbeatsOf(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, harness.realMs(count * MINUTE_MS)));
}

test('twenty jobs with --min-ttl at the same time cause at most two mints', async () => {
  await start(1);
  await harness.invoke({});
  ageToken(harness.aws, 'demo', 40);
  const before = harness.authorizationServer.mints.count;

  const jobs = await Promise.all(
    Array.from({ length: 20 }, () => run([SCRIPT, 'get', 'demo', '--min-ttl', '45m'], { env: environment })),
  );

  expect(jobs.filter(({ status }) => status !== 0)).toEqual([]);
  const tokens = new Set(jobs.map(({ stdout }) => stdout));
  const mints = harness.authorizationServer.mints.count - before;
  expect(mints).toBeGreaterThanOrEqual(1);
  expect(mints).toBeLessThanOrEqual(2);
  expect(tokens.size).toBeLessThanOrEqual(2);
  for (const token of tokens) {
    expect((await harness.authorizationServer.introspect(token.trim())).active).toBe(true);
  }
}, 400_000);
