import './start.ts';
import { createTokenReader, findAccessToken } from './access-token.ts';
import { examineAwsSession } from './aws-session.ts';
import { readCommandLine, USAGE, UsageError } from './command-line.ts';
import { commandEnvironment, keepDebuggerClosed, separateEnvironments } from './environments.ts';
import { createGateway } from './gateway.ts';
import { createJobCredentials } from './job-credentials.ts';
import { endLike, runCommand } from './run-command.ts';
import { startLoopbackServer } from './server.ts';
import { createTokenPool } from './token-pool.ts';
import { createTokenRequests } from './token-requests.ts';
import { createTokenSource } from './token-source.ts';

/*
 * token-endpoint: an OAuth2 token endpoint for one job, which answers with the token that the token refresher
 * keeps in SSM Parameter Store. Runs on Node.js 20 and later, with access-token beside it and nothing else. This file is
 * built from ci/token-endpoint/ of the project; `--help` shows the usage.
 */
const USAGE_STATUS = 2;
const NOT_EXECUTABLE_STATUS = 126;
const NOT_FOUND_STATUS = 127;

const now = (): number => Date.now();
const tell = (text: string): void => {
  process.stderr.write(text);
};
const say = (text: string): void => tell(`token-endpoint: ${text}\n`);
const sayError = (error: unknown): void => say(error instanceof Error ? error.message : 'failed');

async function main(): Promise<void> {
  await keepDebuggerClosed();
  const { job: env, restart } = separateEnvironments(process.env);
  if (restart !== undefined) {
    // NODE_DEBUG would also log the environment of the process that is started.
    process.stderr.write = () => true;
    const again = [...process.execArgv, ...process.argv.slice(1)];
    endLike(await run([process.execPath, ...again], restart));
    return;
  }
  const commandLine = readCommandLine(process.argv.slice(2), env);
  if (commandLine === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const { names, accessTokenOptions, minTtlMs, profile, genesys, ownBearer, command } = commandLine;
  const script = findAccessToken(process.argv[1] as string, env.PATH);
  const { environments, endsAtMs, notice } = await examineAwsSession({ env, profile, now });
  let lastFailure = 0;
  const onFailure = (status: number): void => {
    lastFailure = status;
  };
  const tokens = await Promise.all(
    names.map(async (name) => {
      const args = [name, ...accessTokenOptions];
      const read = createTokenReader({ script, args, environments, tell, onFailure });
      return { name, read, first: await read() };
    }),
  );
  const sources = tokens.flatMap(({ name, read, first }) =>
    first ? [{ name, source: createTokenSource({ first, read, minTtlMs, now, onError: sayError }) }] : [],
  );
  if (sources.length < names.length) {
    const missing = tokens.find(({ first }) => first === undefined)?.name;
    say(`COMMAND was not run: there is no live token${names.length > 1 ? ` of ${missing}` : ''}`);
    process.exitCode = lastFailure;
    return;
  }
  if (new Set(sources.map(({ source }) => source.held.accessToken)).size < names.length) {
    say('two of the names have the same token, and share its rate limit');
  }
  if (notice !== undefined) say(notice);

  const reason = (): string =>
    `There is no live token. ${
      endsAtMs !== undefined && now() >= endsAtMs
        ? "The job's AWS session has ended, so no newer one can be read: request a longer session."
        : `access-token ended with status ${lastFailure}; its messages are in the job's log.`
    }`;
  const pool = createTokenPool(sources, now, reason);
  const credentials = createJobCredentials({ ownBearer });
  const origin = genesys && `https://api.${genesys.domain}`;
  const gateway = origin ? createGateway({ origin, pool, credentials, env }) : undefined;
  const isGateway = gateway !== undefined;
  const tokenRequests = createTokenRequests({ credentials, pool, isGateway, now, reason });
  const server = await startLoopbackServer(tokenRequests, gateway);
  say(`answers on http://${server.host}:${server.port}${origin ? ` for ${origin}` : ''}`);
  const environment = commandEnvironment(env, server, credentials, genesys);
  const end = await run(command, environment, server.descriptor);
  await server.close();
  const report = pool.report();
  if (report !== undefined) say(report);
  endLike(end);
}

async function run(...[command, ...more]: Parameters<typeof runCommand>): ReturnType<typeof runCommand> {
  try {
    return await runCommand(command, ...more);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    say(`${command[0]} cannot be run: ${code}`);
    return { status: code === 'ENOENT' ? NOT_FOUND_STATUS : NOT_EXECUTABLE_STATUS };
  }
}

// No `await`: an older Node.js could not parse it.
main().catch((error: unknown) => {
  sayError(error);
  if (error instanceof UsageError) say("'token-endpoint --help' shows the usage");
  process.exitCode = error instanceof UsageError ? USAGE_STATUS : 1;
});
