import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Harness, MINUTE_MS, openHarness } from '../../../local/harness.ts';
import { policiesOfRole } from '../../../local/synthesized-function.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { type AwsCli, findAwsClis, installAwsCommand, installCommand } from '../support/aws-cli.ts';
import { answering, PRELOAD, startGenesysApi } from './support/genesys-api.ts';
import { createStoredToken, runJob } from './support/job.ts';

/*
 * A six-hour job on ten-minute tokens, with real clients, in shortened time. Of the clocks, those of the harness, of
 * access-token, of token-endpoint and of the plain OAuth2 clients run SPEED times as fast; timers, the AWS CLI and the
 * Genesys SDKs, which never look at a token's life, keep the machine's.
 */
const SPEED = Number(process.env.SIX_HOUR_SPEED ?? 20);
const HOURS = Number(process.env.SIX_HOUR_HOURS ?? 6);
const HOUR_MS = 60 * MINUTE_MS;
const CLIENT_LIBRARIES = resolve('.venv/oauth-clients');
const PYTHON = `${CLIENT_LIBRARIES}/bin/python3`;
/** Client, program, and whether it calls through the gateway. */
const CLIENTS: readonly [program: string, file: string, throughGateway: boolean][] = [
  [PYTHON, 'python_sdk.py', true],
  [process.execPath, 'javascript-sdk.cjs', true],
  [process.execPath, 'openid-client.mjs', false],
  [PYTHON, 'authlib_client.py', false],
];

const installed = createStoredToken();
const { directory } = installed;
let harness: Harness;
let genesys: Awaited<ReturnType<typeof startGenesysApi>>;
let plain: ApiServer;
let containerCredentials: Server;
/** The machine's time at which the harness's clock was the same. */
let start: number;
const refusedCalls: string[] = [];
/** When each AWS session of the jobs ends, by the harness's clock. */
const sessions: number[] = [];

const now = (): number => harness.now().getTime();
const minutes = (): number => Math.round((now() - start) / MINUTE_MS);

beforeAll(async () => {
  harness = await openHarness({
    ...{ speed: SPEED, lifetimeSeconds: 600 },
    token: () => ({ refreshInterval: 5 }),
  });
  start = Math.round((now() - SPEED * Date.now()) / (1 - SPEED));
  const isActive = async (token: string): Promise<boolean> => {
    const { active } = await harness.authorizationServer.introspect(token);
    if (!active) refusedCalls.push(`after ${minutes()} min`);
    return active;
  };
  plain = await startApiServer(isActive);
  const queues = JSON.stringify({ id: 'q', name: 'q', entities: [], pageCount: 1 });
  genesys = await startGenesysApi(async (request, response, token = 'none') => {
    const status = (await isActive(token)) ? 200 : 401;
    answering(status, { 'content-type': 'application/json' }, queues)(request, response, token);
  });
  installAwsCommand(findAwsClis()[0] as AwsCli, harness.aws.url, directory);
  installCommand(
    directory,
    'date',
    `[ "$*" = '-u +%s' ] || exec /bin/date "$@"
now=$(/bin/date +%s%N)
echo $(((${start} + (now / 1000000 - ${start}) * ${SPEED}) / 1000))`,
  );
  containerCredentials = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(currentSession()));
  });
  await new Promise<void>((listening) => containerCredentials.listen(0, '127.0.0.1', listening));
}, 60_000);

afterAll(async () => {
  containerCredentials.closeAllConnections();
  containerCredentials.close();
  await Promise.all([harness.close(), genesys.close(), plain.close()]);
  installed.remove();
});

let session: object;

/** The role's session, as a container gets it: a new one five minutes before the last has ended, an hour after it began. */
function currentSession(): object {
  if (now() <= (sessions.at(-1) ?? 0) - 5 * MINUTE_MS) return session;
  const endsAt = now() + HOUR_MS;
  sessions.push(endsAt);
  const { accessKeyId, secretAccessKey, sessionToken } = harness.aws.iam.register({
    arn: `arn:aws:sts::${harness.aws.accountId}:assumed-role/ci-jobs/job`,
    policies: policiesOfRole(harness.assembly, 'ci-jobs'),
    expiresAt: new Date(endsAt),
  });
  // For the AWS CLI, whose clock is the machine's. That the session ends is the endpoint's to say.
  const Expiration = new Date(Date.now() + HOUR_MS).toISOString();
  session = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration };
  return session;
}

test('a six-hour job on ten-minute tokens loses no call', async () => {
  let isOver = false;
  // Once a minute of the harness's clock, as the schedule does.
  const beats = (async () => {
    while (!isOver) {
      harness.invoke({}).catch(() => undefined);
      await sleep(harness.realMs(MINUTE_MS));
    }
  })();
  while (harness.status() === null) await sleep(100);
  const { port } = containerCredentials.address() as AddressInfo;
  const env = {
    PATH: `${directory}:${process.env.PATH}`,
    HOME: directory,
    TMPDIR: directory,
    AWS_REGION: harness.aws.region,
    AWS_ACCESS_KEY_ID: '',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials`,
    API_URL: plain.url,
    CLOCK_START: String(start),
    CLOCK_SPEED: String(SPEED),
    NODE_OPTIONS: PRELOAD,
    NODE_PATH: `${CLIENT_LIBRARIES}/node_modules`,
  };
  const endsAt = Date.now() + harness.realMs(HOURS * HOUR_MS);
  const endsAtFast = now() + HOURS * HOUR_MS;

  const jobs = CLIENTS.map(([interpreter, file, throughGateway]) => {
    const command = [interpreter, resolve('test/ci/token-endpoint/clients', file)];
    const UNTIL_MS = String(throughGateway ? endsAt : endsAtFast);
    if (!throughGateway) {
      return runJob(installed, command, {
        args: ['demo'],
        env: { ...env, UNTIL_MS },
      });
    }
    // The gateway's clock is fast, the SDK's behind it is not: it inherits the preload, and no speed.
    return runJob(installed, ['env', 'CLOCK_SPEED=1', ...command], {
      args: ['demo', '--genesys-region', 'eu-central-1'],
      env: { ...env, ...genesys.environment, UNTIL_MS },
    });
  });
  const happened = await troubles();
  const ended = await Promise.all(jobs);
  isOver = true;
  await beats;

  const told = ended.map(({ stdout, stderr }) => {
    const tokens = new Set(stderr.match(/^token v\d+/gm)).size;
    return `${(stdout || stderr.slice(-2000)).trim()} (${tokens} tokens)`;
  });
  const calls = genesys.calls.length + plain.calls.length;
  const { count } = harness.authorizationServer.mints;
  console.log(
    [`${count} mints, ${sessions.length} AWS sessions, ${calls} calls`, ...happened, ...told].join('\n'),
  );
  expect(refusedCalls).toEqual([]);
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  expect(sessions.length).toBeGreaterThanOrEqual(HOURS);
  const written = ended.map(({ stdout, stderr }) => stdout + stderr).join('');
  const secrets = [...harness.clientSecrets, ...harness.tokens.keys()];
  expect(secrets.filter((secret) => written.includes(secret))).toEqual([]);
}, 3_600_000);

/** What happens on the way: forced refreshes, a new client secret, and outages within H, of 3 minutes 30 each. */
async function troubles(): Promise<string[]> {
  const happened: string[] = [];
  const force = () => harness.invoke({ force: true });
  const rotate = () => harness.changeSecret();
  const acts: readonly (() => Promise<unknown>)[] = [force, rotate, outage, force, outage];
  for (const act of acts) {
    await sleep(harness.realMs((HOURS * HOUR_MS) / (acts.length + 1)));
    happened.push(`after ${minutes()} min: ${act.name}`);
    await act().catch(() => undefined);
  }
  return happened;
}

async function outage(): Promise<void> {
  // The worst moment: just before the next mint.
  const due = Date.parse(String(harness.status()?.refreshDueAt)) - 2 * MINUTE_MS;
  await sleep(Math.max(0, harness.realMs(due - now())));
  await harness.authorizationServer.faults.goOffline();
  await sleep(harness.realMs(3.5 * MINUTE_MS));
  await harness.authorizationServer.faults.goOnline();
}
