/**
 * `npm run e2e`: deploys the app with the real CDK CLI, onto MiniStack or a real account (docs/development/e2e.md), runs it,
 * changes it, and destroys it. Exit status 0: every step passed.
 */
import { setMaxListeners } from 'node:events';
import { createJobRole, openAccount } from './account.ts';
import { createCdk } from './cdk.ts';
import { createCommands } from './commands.ts';
import type { RunContext } from './context.ts';
import { checkChanges, checkDestruction, checkFirstDeployment, firstTokens } from './first-stack.ts';
import { checkOwnership } from './ownership.ts';
import { finish, interruption, step } from './steps.ts';
import { openTarget, type Target } from './target.ts';
import { remoteTokenServer, startLocalTokenServer, type TokenServer } from './token-server.ts';
import { checkUpdates } from './updates.ts';

setMaxListeners(0, interruption.signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}

const target = await openTarget();
try {
  const server = target.isEmulator ? await startLocalTokenServer() : remoteTokenServer();
  await play(target, server).finally(server.close);
} finally {
  await target.close();
}
process.exitCode = interruption.signal.aborted ? 130 : finish();

async function play(target: Target, server: TokenServer): Promise<void> {
  const run = Date.now().toString(36);
  const name = `token-refresher-e2e-${run}`;
  const names = { prefix: `/e2e-${run}`, secret: name, role: name };
  const commands = createCommands(target.env, interruption.signal);
  const cdk = createCdk(`TokenRefresherE2e-${run}`, target, commands);
  const context = { target, server, names, commands, cdk, account: openAccount(commands) };
  try {
    const readerArn = await createJobRole(context);
    const tokens = firstTokens(context, readerArn);
    await checkFirstDeployment(context, tokens);
    await checkOwnership(context, tokens);
    await checkUpdates(context, readerArn);
    const changed = await checkChanges(context, tokens);
    await checkDestruction(context, changed);
  } catch (error) {
    if (interruption.signal.aborted) console.log('interrupted; cleaning up');
    else await step('the run comes to its end', () => Promise.reject(error));
  } finally {
    if (!target.isEmulator) await cleanUp(context);
  }
}

/** Removes from a real account what this run created. Each run has its own names, so that nothing else is removed. */
async function cleanUp({ target, cdk, names }: RunContext): Promise<void> {
  const account = openAccount(createCommands(target.env, AbortSignal.timeout(600_000)));
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error: Error) => console.log(`not removed: ${what} (${error.message.split('\n').at(-1)})`));
  for (const stackName of await account.stacks()) {
    if (!stackName.startsWith(cdk.stackName)) continue;
    const secrets = await account.secretsOf(stackName).catch(() => []);
    await attempt(stackName, () => account.deleteStack(stackName));
    for (const id of secrets) await attempt(id, () => account.deleteSecret(id));
  }
  for (const name of await account.parameterNames(names.prefix)) {
    await attempt(name, () => account.call('ssm', 'delete-parameter', '--name', name));
  }
  await attempt(names.secret, () => account.deleteSecret(names.secret));
  await attempt(names.role, () => account.call('iam', 'delete-role', '--role-name', names.role));
}
