import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { administratorPolicy } from '../../local/aws/iam.ts';
import { type AwsCli, findAwsClis, installAwsCommand } from './support/aws-cli.ts';
import { openPipeline, type Pipeline } from './support/pipeline.ts';
import { type Ended, run } from './support/process.ts';

const PAGE = readFileSync('docs/runbook.md', 'utf8');

/** The commands of a section, in order: those to be tried, or those marked `not-tried`. */
function commandsOf(section: string, mark: '' | ' not-tried' = ''): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(section)) ?? '';
  const blocks = [...text.matchAll(/^( *)```sh(.*)\n([\s\S]*?)^ *```$/gm)].filter(
    ([, , found]) => found === mark,
  );
  return blocks.map(([, indentation = '', , body = '']) => body.replaceAll(`\n${indentation}`, '\n').trim());
}

const [SETTINGS = ''] = commandsOf('');

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await openPipeline(findAwsClis()[0] as AwsCli);
});
beforeEach(() => pipeline.startAfresh());
afterAll(() => pipeline.close());

describe.each(findAwsClis())('the runbook with the AWS CLI $version', (cli: AwsCli) => {
  beforeAll(() => {
    installAwsCommand(cli, pipeline.aws.url, pipeline.commands);
  });

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
    expect((await pipeline.authorizationServer.introspect(pipeline.token())).active).toBe(true);
  });

  test('a token leaked: that version is found and ended, and jobs read another', async () => {
    const leaked = pipeline.token();
    const commands = commandsOf('A token leaked').map((command) =>
      command.replace('VERSION=1', `VERSION=${pipeline.stored()?.version}`),
    );

    const job = await paste(commands);

    expect(job.status).toBe(0);
    expect(pipeline.api.calls.at(-1)).toEqual({ path: '/api/v2/tokens/me', accepted: true });
    expect((await pipeline.authorizationServer.introspect(leaked)).active).toBe(false);
    expect((await pipeline.authorizationServer.introspect(pipeline.token())).active).toBe(true);
    expect(job.stdout + job.stderr).not.toContain(leaked);
  });

  test('a region is down: the secret is stored there, and jobs read there', async () => {
    writeFileSync(join(pipeline.checkout, 'client.json'), '{"client_id":"ci","client_secret":"x"}');

    const job = await paste([`SECRET=genesys/standby-${cli.version}`, ...commandsOf('A region is down')]);

    expect(job.status).toBe(0);
    expect(job.stdout).toBe(`genesys/standby-${cli.version}\n`);
    expect(job.stderr).toMatch(/^token v\d+ /m);
  });

  test.each([
    ['Alarm "dying"', ['ListSchedules', 'GetFunctionConfiguration']],
    // Of CloudFormation's calls the CLI shows only that the answer is no XML.
    ['A deployment failed', ['sent', 'sent', 'sent', 'sent']],
  ])('%s: the commands for services that are not here are complete', async (section, operations) => {
    const commands = commandsOf(section, ' not-tried').join('\n').split('\n');

    const ended: Ended[] = [];
    for (const command of commands) ended.push(await paste(['FAILED=genesysFirstMint', command]));

    // The CLI takes their arguments and sends a request.
    const called = ended.map(({ stderr }) =>
      stderr.includes('invalid XML received') ? 'sent' : /when calling the (\w+) operation/.exec(stderr)?.[1],
    );
    expect(called).toEqual(operations);
  });

  test('the client secret leaked: the new one is stored and used', async () => {
    pipeline.authorizationServer.replaceClientSecret(pipeline.clientId, 'the-new-secret');
    const client = { client_id: pipeline.clientId, client_secret: 'the-new-secret' };
    writeFileSync(join(pipeline.checkout, 'client.json'), JSON.stringify(client));

    const job = await paste(commandsOf('The client secret leaked'));

    expect(job.status).toBe(0);
    expect(job.stdout).not.toContain('TOKEN_REJECTED');
    expect(job.stdout).not.toContain('the-new-secret');
  });

  test('the secret is refused: the version before it becomes current again', async () => {
    const client = JSON.stringify({ client_id: pipeline.clientId, client_secret: 'mistyped' });
    await paste([
      `printf %s '${client}' >client.json`,
      ...commandsOf('The client secret leaked').slice(0, 1),
    ]);

    const job = await paste([
      ...commandsOf('The secret is refused'),
      ...commandsOf('Alarm "dying"').filter((command) => command.includes('force')),
    ]);

    expect(job.status).toBe(0);
    expect(job.stdout).toContain('"outcome":"refreshed"');
  });
});

test('a region is down: the stack that is deployed there synthesizes under its name', async () => {
  const [deploy = ''] = commandsOf('A region is down', ' not-tried');
  const directory = mkdtempSync(join(tmpdir(), 'standby-'));
  const synthesis = deploy
    .replace('npx cdk bootstrap\n', '')
    .replace(
      'npx cdk deploy',
      `npx cdk synth --quiet -c tokensFile=tokens.example.json --output ${directory}`,
    );

  const job = await run(['sh', '-ec', synthesis], { env: { ...process.env, NODE_OPTIONS: '' } });

  expect(job.status).toBe(0);
  expect(readdirSync(directory)).toContain('TokenRefresherStandby.template.json');
});

test('every incident has commands that are tried, and the page has no others than those', () => {
  const titles = [...PAGE.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  const marks = [...PAGE.matchAll(/^ *```(.+)$/gm)].map(([, mark]) => mark);

  expect(titles.filter((title) => commandsOf(title).length === 0)).toEqual([
    // test/ci/keep-running.cli-test.ts tries them.
    'Alarm "rotation failing"',
    'Error codes',
    'Along the data path',
  ]);
  const others = marks.filter((mark) => mark !== 'sh' && mark !== 'sh with-rotation');
  // Region and profile; the scheduler and the log; the log of a rotation; the standby stack; the version before; two ways to
  // continue a rollback.
  expect(others).toEqual(Array(7).fill('sh not-tried'));
});
