import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Harness, openHarness } from '../../../local/harness.ts';
import { type AwsCli, findAwsClis, installAwsCommand, installCommand } from '../support/aws-cli.ts';
import { type Ended, run } from '../support/process.ts';
import { ACCOUNT, REGION, readPolicy, refreshPolicy } from '../support/reader-harness.ts';
import { type GenesysApi, PRELOAD, startGenesysApi } from './support/genesys-api.ts';

/*
 * A six-hour job on ten-minute tokens, with real clients, in shortened time. Of the clocks, those of the harness, of
 * access-token, of token-endpoint and of the plain OAuth2 clients run SPEED times as fast; timers, the AWS CLI and the
 * Genesys SDKs, which never look at a token's life, keep the machine's.
 */
const SPEED = Number(process.env.SIX_HOUR_SPEED ?? 20);
const HOURS = Number(process.env.SIX_HOUR_HOURS ?? 6);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CLIENTS = resolve('.venv/oauth-clients');
const FILES = resolve('test/ci/token-endpoint/clients');

let harness: Harness;
let api: GenesysApi;
let containerCredentials: Server;
let directory: string;
let commands: string;
/** The machine's time at which the harness's clock was the same. */
let start: number;
let refusedCalls: string[];
let sessions: number;

beforeAll(async () => {
  refusedCalls = [];
  sessions = 0;
  start = Date.now();
  harness = await openHarness({ speed: SPEED, lifetimeSeconds: 600, refreshIntervalMinutes: 5 });
  // The harness's clock has its own beginning.
  start = (harness.now().getTime() - SPEED * Date.now()) / (1 - SPEED);
  api = await startGenesysApi(async (request, response, token = 'none') => {
    const { active } = await harness.authorizationServer.introspect(token);
    if (!active) refusedCalls.push(`${request.method} ${request.url} after ${minutes()} min`);
    request.resume();
    response.writeHead(active ? 200 : 401, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(active ? { id: 'q', name: 'q', entities: [], pageCount: 1 } : { status: 401 }),
    );
  });
  commands = installAwsCommand(findAwsClis()[0] as AwsCli, harness.aws.url);
  installCommand(
    commands,
    'date',
    `[ "$*" = '-u +%s' ] || exec /bin/date "$@"
now=$(/bin/date +%s%N)
echo $(((${Math.round(start)} + (now / 1000000 - ${Math.round(start)}) * ${SPEED}) / 1000))`,
  );
  directory = mkdtempSync(join(tmpdir(), 'six-hours-'));
  for (const file of ['access-token', 'token-endpoint.mjs'])
    copyFileSync(join('ci', file), join(directory, file));
  containerCredentials = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(currentSession()));
  });
  await new Promise<void>((listening) => containerCredentials.listen(0, '127.0.0.1', listening));
}, 60_000);

afterAll(async () => {
  containerCredentials.closeAllConnections();
  containerCredentials.close();
  await Promise.all([harness.close(), api.close()]);
  for (const path of [directory, commands]) rmSync(path, { recursive: true, force: true });
});

let session: { readonly answer: object; readonly endsAt: number } | undefined;

/** The role's session, as a container gets it: a new one five minutes before the last has ended, an hour after it began. */
function currentSession(): object {
  const now = harness.now().getTime();
  if (session === undefined || now > session.endsAt - 5 * MINUTE_MS) {
    const endsAt = now + HOUR_MS;
    const credentials = newSession(new Date(endsAt));
    sessions += 1;
    session = {
      endsAt,
      answer: {
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        Token: credentials.sessionToken,
        // For the AWS CLI, whose clock is the machine's. That the session ends is the endpoint's to say.
        Expiration: new Date(Date.now() + HOUR_MS).toISOString(),
      },
    };
  }
  return session.answer;
}

function newSession(expiresAt: Date) {
  return harness.aws.registerPrincipal({
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/ci/job`,
    policies: [readPolicy('demo'), refreshPolicy('demo')],
    expiresAt,
  });
}

const minutes = (): number => Math.round((harness.now().getTime() - start) / MINUTE_MS);

function runJob(options: { args: string[]; command: string[]; env: Record<string, string> }): Promise<Ended> {
  const program = join(directory, 'token-endpoint.mjs');
  return run([process.execPath, program, 'demo', ...options.args, '--', ...options.command], {
    env: {
      PATH: `${commands}:${process.env.PATH}`,
      HOME: directory,
      TMPDIR: directory,
      AWS_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: 'true',
      CLOCK_START: String(start),
      CLOCK_SPEED: String(SPEED),
      NODE_PATH: join(CLIENTS, 'node_modules'),
      ...options.env,
    },
  });
}

test('a six-hour job on ten-minute tokens loses no call', async () => {
  const isOver = { value: false };
  const beats = beat(isOver);
  while (harness.status() === null) await sleep(100);
  const lifeline = `http://127.0.0.1:${(containerCredentials.address() as AddressInfo).port}/credentials`;
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: lifeline };
  const endsAtFast = harness.now().getTime() + HOURS * HOUR_MS;
  const endsAt = Date.now() + harness.realMs(HOURS * HOUR_MS);
  // The gateway's clock is fast, the SDK's behind it is not: it inherits the preloads, and no speed.
  const gateway = { ...env, ...api.environment };
  const asOnTheMachine = ['env', 'CLOCK_SPEED=1'];
  const python = join(CLIENTS, 'bin/python3');
  const apiUrl = await startPlainApi();

  const jobs = [
    runJob({
      args: ['--genesys-region', 'eu-central-1'],
      command: [...asOnTheMachine, python, join(FILES, 'python_sdk.py')],
      env: { ...gateway, UNTIL_MS: String(endsAt) },
    }),
    runJob({
      args: ['--genesys-region', 'eu-central-1'],
      command: [...asOnTheMachine, process.execPath, join(FILES, 'javascript-sdk.cjs')],
      env: { ...gateway, UNTIL_MS: String(endsAt) },
    }),
    runJob({
      args: [],
      command: [process.execPath, join(FILES, 'openid-client.mjs')],
      env: { ...env, NODE_OPTIONS: PRELOAD, API_URL: apiUrl.url, UNTIL_MS: String(endsAtFast) },
    }),
    runJob({
      args: [],
      command: [python, join(FILES, 'authlib_client.py')],
      env: { ...env, NODE_OPTIONS: PRELOAD, API_URL: apiUrl.url, UNTIL_MS: String(endsAtFast) },
    }),
  ];
  const happened = await troubles();
  const ended = await Promise.all(jobs);
  isOver.value = true;
  await beats;
  await apiUrl.close();

  const told = ended.map(({ stdout, stderr }) => stdout || stderr.slice(-2000));
  const receipts = ended.map(({ stderr }) => new Set(stderr.match(/^token v\d+/gm)).size);
  console.log(
    [
      `${HOURS} h at ${SPEED} times: ${harness.authorizationServer.mints.count} mints, ${sessions} AWS sessions`,
      ...happened,
      ...told.map((text, index) => `${text.trim()} (${receipts[index]} tokens)`),
      `calls at the API: ${api.calls.length + apiUrl.calls.length}, refused ${refusedCalls.length}`,
    ].join('\n'),
  );
  expect(refusedCalls).toEqual([]);
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  expect(sessions).toBeGreaterThanOrEqual(HOURS);
  const secrets = [...harness.clientSecrets, ...harness.tokens.keys()];
  expect(ended.filter(({ stdout, stderr }) => secrets.some((s) => (stdout + stderr).includes(s)))).toEqual(
    [],
  );
}, 3_600_000);

/** Beats once a minute of the harness's clock, as the schedule does. */
async function beat(isOver: { readonly value: boolean }): Promise<void> {
  while (!isOver.value) {
    harness.invoke({}).catch(() => undefined);
    await sleep(harness.realMs(MINUTE_MS));
  }
}

/** What happens on the way: forced refreshes, a new client secret, and outages within H, of 3 minutes 30 each. */
async function troubles(): Promise<string[]> {
  const happened: string[] = [];
  const script: readonly [string, () => Promise<unknown>][] = [
    ['forced refresh', () => harness.invoke({ force: true })],
    ['client secret rotated', () => harness.changeSecret()],
    ['outage of 3 min 30 s', outage],
    ['forced refresh', () => harness.invoke({ force: true })],
    ['outage of 3 min 30 s', outage],
  ];
  for (const [name, act] of script) {
    await sleep(harness.realMs((HOURS * HOUR_MS) / (script.length + 1)));
    happened.push(`after ${minutes()} min: ${name}`);
    await act().catch(() => undefined);
  }
  return happened;
}

async function outage(): Promise<void> {
  // The worst moment: just before the next mint.
  const due = Date.parse(String(harness.status()?.refreshDueAt)) - 2 * MINUTE_MS;
  await sleep(Math.max(0, harness.realMs(due - harness.now().getTime())));
  await harness.authorizationServer.faults.goOffline();
  await sleep(harness.realMs(3.5 * MINUTE_MS));
  await harness.authorizationServer.faults.goOnline();
}

/** The same API for clients that call it themselves, over plain HTTP on loopback. */
async function startPlainApi() {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? randomBytes(8).toString('hex');
    const { active } = await harness.authorizationServer.introspect(token);
    if (!active) refusedCalls.push(`${request.method} ${request.url} after ${minutes()} min`);
    calls.push(request.url ?? '');
    response.writeHead(active ? 200 : 401).end('{}');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
