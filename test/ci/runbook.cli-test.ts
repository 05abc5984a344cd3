import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { administratorPolicy } from '../../local/aws/iam.ts';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openPipeline, type Pipeline } from './support/pipeline.ts';
import { type Ended, run } from './support/process.ts';
import { commandsOf as commandsOfPage } from './support/steps.ts';

/** The commands of a section of the page: those to be tried, or those marked `not-tried`. */
const commandsOf = (section: string, mark = '') => commandsOfPage('docs/runbook.md', `sh${mark}`, section);

const [SETTINGS = ''] = commandsOf('');

let pipeline: Pipeline;

// The commands that `npm start -- --keep-running` prints are tried with the other version.
beforeAll(async () => {
  pipeline = await openPipeline(findAwsClis().at(-1) as AwsCli);
});
beforeEach(() => pipeline.startAfresh());
afterAll(() => pipeline.close());

/** Pastes commands into one shell, as an operator does; the first that fails ends it. */
function paste(commands: readonly string[]): Promise<Ended> {
  // Like a terminal, and unlike a socket of Node.js, a pipe can be opened as /dev/stdout.
  const through = 'mkfifo out && { cat out & sh -e >out; status=$?; wait; rm out; exit $status; }';
  return run(['sh', '-c', through], {
    cwd: pipeline.checkout,
    env: {
      ...pipeline.environment([administratorPolicy]),
      API: pipeline.api.url,
      token: 'a token that somebody found',
      REVOCATION_URL: pipeline.authorizationServer.tokenUrl.replace(/\/token$/, '/revoke'),
    },
    input: [SETTINGS, ...commands, ''].join('\n'),
  });
}

const isActive = async (token: string) => (await pipeline.authorizationServer.introspect(token)).active;

/** Writes the file that the page has the operator write: the client, with this secret. */
function writeClient(client_secret: string): void {
  const client = { client_id: pipeline.clientId, client_secret };
  writeFileSync(join(pipeline.checkout, 'client.json'), JSON.stringify(client));
}

test.each([
  ['Alarm "dying"', /"?step"?:"?token-endpoint[\s\S]*"tokenVersion":NEXT\b/],
  ['Alarm "failing"', /"tokenVersion":STORED,.*"lastFailure":null/],
  // It mints, and deletes a wrong value: the next invocation heals that.
  ['A wrong deployment', /"outcome":"refreshed"/],
  ['A deployment failed', /"?step"?:"?token-endpoint/],
])('%s', async (section, shows) => {
  const stored = pipeline.stored()?.version ?? 0;

  const job = await paste(commandsOf(section));

  expect(job).toMatchObject({ status: 0, stderr: '' });
  const pattern = shows.source.replace('STORED', `${stored}`).replace('NEXT', `${stored + 1}`);
  expect(job.stdout).toMatch(new RegExp(pattern));
  expect(await isActive(pipeline.token())).toBe(true);
});

test('a token leaked: that version is found and ended, and jobs read another', async () => {
  const leaked = pipeline.token();
  const commands = commandsOf('A token leaked').map((command) =>
    command.replace('VERSION=1', `VERSION=${pipeline.stored()?.version}`),
  );

  const job = await paste(commands);

  expect(job.status).toBe(0);
  expect(pipeline.api.calls.at(-1)).toEqual({ path: '/api/v2/tokens/me', accepted: true });
  expect([await isActive(leaked), await isActive(pipeline.token())]).toEqual([false, true]);
  expect(job.stdout + job.stderr).not.toContain(leaked);
});

test('a region is down: the secret is stored there, and jobs read there', async () => {
  writeClient('x');

  const job = await paste(['SECRET=genesys/standby', ...commandsOf('A region is down')]);

  expect(job).toMatchObject({ status: 0, stdout: 'genesys/standby\n' });
  expect(job.stderr).toMatch(/^token v\d+ /m);
});

test.each([
  ['Alarm "dying"', ['ListSchedules', 'GetFunctionConfiguration']],
  // Of CloudFormation's calls the CLI shows only that the answer is no XML.
  ['A deployment failed', ['sent', 'sent', 'sent', 'sent']],
])('%s: the commands for services that are not here are complete', async (section, operations) => {
  const called: (string | undefined)[] = [];

  for (const command of commandsOf(section, ' not-tried').join('\n').split('\n')) {
    const { stderr } = await paste(['FAILED=genesysFirstMint', command]);
    const sent = stderr.includes('invalid XML received') ? 'sent' : undefined;
    called.push(sent ?? /when calling the (\w+) operation/.exec(stderr)?.[1]);
  }

  // The CLI takes their arguments and sends a request.
  expect(called).toEqual(operations);
});

test('the client secret leaked: the new one is stored and used', async () => {
  pipeline.authorizationServer.replaceClientSecret(pipeline.clientId, 'the-new-secret');
  writeClient('the-new-secret');

  const job = await paste(commandsOf('The client secret leaked'));

  expect(job.status).toBe(0);
  expect(job.stdout).not.toMatch(/TOKEN_REJECTED|the-new-secret/);
});

test('the secret is refused: the version before it becomes current again', async () => {
  writeClient('mistyped');
  await paste(commandsOf('The client secret leaked').slice(0, 1));

  const force = commandsOf('Alarm "dying"').filter((command) => command.includes('force'));
  const job = await paste([...commandsOf('The secret is refused'), ...force]);

  expect(job).toMatchObject({ status: 0, stdout: expect.stringContaining('"outcome":"refreshed"') });
});
