/**
 * `npm run e2e`: deploys the app with the real CDK CLI, onto MiniStack or a real account (docs/development/e2e.md), runs it,
 * changes it, and destroys it. Exit status 0: every step passed.
 */
import { setMaxListeners } from 'node:events';
import { openAccount } from './account.ts';
import { createCdk } from './cdk.ts';
import { checkConfigurationChange, checkDestruction, checkUnchanged, cleanUp } from './changes.ts';
import { createCommands } from './commands.ts';
import { firstTokens, type RunContext } from './context.ts';
import {
  checkChangedSecret,
  checkFirstDeployment,
  checkJob,
  checkSchedule,
  checkStoredSecret,
  createJobRole,
} from './mints.ts';
import { checkOwnership } from './ownership.ts';
import { createSteps } from './steps.ts';
import { openTarget, type Target } from './target.ts';
import { remoteTokenServer, startLocalTokenServer, type TokenServer } from './token-server.ts';
import { checkUpgrade } from './upgrade.ts';

const interruption = new AbortController();
const steps = createSteps(interruption.signal);
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
process.exitCode = interruption.signal.aborted ? 130 : steps.finish();

async function play(target: Target, server: TokenServer): Promise<void> {
  const run = Date.now().toString(36);
  const stackName = `TokenRefresherE2e-${run}`;
  const name = `token-refresher-e2e-${run}`;
  const names = { prefix: `/e2e-${run}`, secret: name, role: name };
  const contextUntil = (signal: AbortSignal): RunContext => {
    const commands = createCommands(target.env, signal);
    const cdk = createCdk(stackName, target, commands);
    return { target, server, steps, names, commands, cdk, account: openAccount(commands) };
  };
  const context = contextUntil(interruption.signal);
  try {
    steps.heading('First deployment');
    const readerArn = await createJobRole(context);
    const tokens = firstTokens(context, readerArn);
    await checkFirstDeployment(context, tokens);

    steps.heading('Before the next invocation by the schedule');
    await server.endOutage?.();
    await checkStoredSecret(context);
    await checkUnchanged(context, tokens);
    await checkJob(context);

    steps.heading('Ownership of parameters, the upgrade, and updates that fail');
    await checkOwnership(context, tokens);
    await checkUpgrade(context, readerArn);

    steps.heading('The heartbeat');
    await checkSchedule(context);

    steps.heading('Changes');
    const changed = await checkConfigurationChange(context, tokens);
    await checkChangedSecret(context);

    steps.heading('The end');
    await checkDestruction(context, changed);
  } catch (error) {
    if (interruption.signal.aborted) steps.note(`${interruption.signal.reason.message}; cleaning up`);
    else await steps.step('the run comes to its end', () => Promise.reject(error));
  } finally {
    if (!target.isEmulator) await cleanUp(contextUntil(AbortSignal.timeout(600_000)));
  }
}
