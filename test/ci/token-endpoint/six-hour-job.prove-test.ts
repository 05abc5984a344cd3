import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS, openHarness } from '../../../local/harness.ts';
import { policiesOfRole } from '../../../local/synthesized-function.ts';
import { startApiServer } from '../support/api-server.ts';
import { type AwsCli, findAwsClis, installAwsCommand, installCommand } from '../support/aws-cli.ts';
import { answering, PRELOAD, startGenesysApi } from './support/genesys-api.ts';
import { createStoredToken, GATEWAY, runJob } from './support/job.ts';

/*
 * A six-hour job on ten-minute tokens, with real clients, in shortened time. Of the clocks, those of the harness, of
 * access-token, of token-endpoint and of the plain OAuth2 clients run SPEED times as fast; timers, the AWS CLI and the
 * Genesys SDKs, which never look at a token's life, keep the machine's.
 */
const SPEED = Number(process.env.SIX_HOUR_SPEED ?? 20);
const HOURS = Number(process.env.SIX_HOUR_HOURS ?? 6);
const JOB_MS = HOURS * 60 * MINUTE_MS;
const CLIENT_LIBRARIES = resolve('.venv/oauth-clients');
const PYTHON = `${CLIENT_LIBRARIES}/bin/python3`;
/** Client, program, and whether it calls through the gateway. */
const CLIENTS: readonly [program: string, file: string, throughGateway: boolean][] = [
  [PYTHON, 'python_sdk.py', true],
  [process.execPath, 'javascript-sdk.cjs', true],
  [process.execPath, 'openid-client.mjs', false],
  [PYTHON, 'authlib_client.py', false],
];

test('a six-hour job on ten-minute tokens loses no call', async () => {
  const installed = createStoredToken();
  const { directory } = installed;
  const harness = await openHarness({
    ...{ speed: SPEED, lifetimeSeconds: 600 },
    token: () => ({ refreshInterval: 5 }),
  });
  const now = (): number => harness.now().getTime();
  // The machine's time at which the harness's clock was the same.
  const start = Math.round((now() - SPEED * Date.now()) / (1 - SPEED));
  const minutes = (): number => Math.round((now() - start) / MINUTE_MS);
  const refusedCalls: string[] = [];
  const isActive = async (token: string): Promise<boolean> => {
    const { active } = await harness.authorizationServer.introspect(token);
    if (!active) refusedCalls.push(`after ${minutes()} min`);
    return active;
  };
  const plain = await startApiServer(isActive);
  const queues = JSON.stringify({ id: 'q', name: 'q', entities: [], pageCount: 1 });
  const genesys = await startGenesysApi(async (request, response, token = 'none') => {
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
  const env = {
    ...harness.jobEnvironment(policiesOfRole(harness.assembly, 'ci-jobs')),
    PATH: `${directory}:${process.env.PATH}`,
    HOME: directory,
    TMPDIR: directory,
    API_URL: plain.url,
    CLOCK_START: String(start),
    CLOCK_SPEED: String(SPEED),
    NODE_OPTIONS: PRELOAD,
    NODE_PATH: `${CLIENT_LIBRARIES}/node_modules`,
  };
  let isOver = false;
  // Once a minute of the harness's clock, as the schedule does.
  const beats = (async () => {
    while (!isOver) {
      harness.invoke({}).catch(() => undefined);
      await sleep(harness.realMs(MINUTE_MS));
    }
  })();
  while (harness.status() === null) await sleep(100);

  const jobs = CLIENTS.map(([interpreter, file, throughGateway]) => {
    const command = [interpreter, resolve('test/ci/token-endpoint/clients', file)];
    if (!throughGateway) {
      const UNTIL_MS = String(now() + JOB_MS);
      return runJob(installed, command, { args: ['demo'], env: { ...env, UNTIL_MS } });
    }
    const UNTIL_MS = String(Date.now() + harness.realMs(JOB_MS));
    // The gateway's clock is fast, the SDK's behind it is not: it inherits the preload, and no speed.
    return runJob(installed, ['env', 'CLOCK_SPEED=1', ...command], {
      args: ['demo', ...GATEWAY.slice(1)],
      env: { ...env, ...genesys.environment, UNTIL_MS },
    });
  });
  const { faults } = harness.authorizationServer;
  const force = () => harness.invoke({ force: true });
  const rotate = () => harness.changeSecret();
  /** An outage within H, at the worst moment: just before the next mint. */
  const outage = async () => {
    const due = Date.parse(String(harness.status()?.refreshDueAt)) - 2 * MINUTE_MS;
    await sleep(Math.max(0, harness.realMs(due - now())));
    await faults.goOffline();
    await sleep(harness.realMs(3.5 * MINUTE_MS));
    await faults.goOnline();
  };
  const happened: string[] = [];
  const acts: readonly (() => Promise<unknown>)[] = [force, rotate, outage, force, outage];
  for (const act of acts) {
    await sleep(harness.realMs(JOB_MS / (acts.length + 1)));
    happened.push(`after ${minutes()} min: ${act.name}`);
    await act().catch(() => undefined);
  }
  const ended = await Promise.all(jobs);
  isOver = true;
  await beats;
  await Promise.all([harness.close(), genesys.close(), plain.close()]);

  const told = ended.map(({ stdout, stderr }) => {
    const tokens = new Set(stderr.match(/^token v\d+/gm)).size;
    return `${(stdout || stderr.slice(-2000)).trim()} (${tokens} tokens)`;
  });
  const calls = genesys.calls.length + plain.calls.length;
  console.log([`${harness.tokens.size} mints, ${calls} calls`, ...happened, ...told].join('\n'));
  expect(refusedCalls).toEqual([]);
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  const written = ended.map(({ stdout, stderr }) => stdout + stderr).join('');
  const secrets = [...harness.clientSecrets, ...harness.tokens.keys()];
  expect(secrets.filter((secret) => written.includes(secret))).toEqual([]);
}, 3_600_000);
