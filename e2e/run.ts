/**
 * `npm run e2e`: deploys the real app with the real CDK, onto MiniStack or whatever the environment names (docs/development/e2e.md),
 * runs it, changes it, and destroys it. Exit status 0: every step passed.
 */
import { setMaxListeners } from 'node:events';
import { createAws } from './aws.ts';
import { createCdk } from './cdk.ts';
import { checkConfigurationChange, checkUnchanged } from './changes.ts';
import type { RunContext } from './context.ts';
import { checkDestruction, cleanUp } from './destruction.ts';
import { checkFirstDeployment, deployFirst } from './first-deployment.ts';
import { checkJob } from './job.ts';
import { checkChangedSecret, checkSchedule, checkStoredSecret } from './mints.ts';
import { checkOwnership } from './ownership.ts';
import { createSteps } from './steps.ts';
import { openTarget, type Target } from './target.ts';
import { remoteTokenServer, startLocalTokenServer, type TokenServer } from './token-server.ts';
import { checkUpgrade } from './upgrade.ts';

const interruption = new AbortController();
const steps = createSteps((line) => process.stdout.write(`${line}\n`), interruption.signal);
setMaxListeners(0, interruption.signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}

steps.heading('Set-up');
const target = await openTarget(steps, interruption.signal);
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
  const names = { prefix: `/e2e-${run}`, secret: `token-refresher-e2e-${run}` };
  const contextUntil = (signal: AbortSignal): RunContext => ({
    target,
    server,
    steps,
    signal,
    names,
    aws: createAws(target, signal),
    cdk: createCdk({ target, stackName, steps, signal }),
  });
  const context = contextUntil(interruption.signal);
  try {
    steps.heading('First deployment');
    const tokens = await deployFirst(context);
    await checkFirstDeployment(context);

    steps.heading('Before the next invocation by the schedule');
    const endpointIsBack = await server.endOutage();
    await checkStoredSecret(context);
    await checkUnchanged(context, tokens);
    await checkJob(context);

    steps.heading('Ownership of parameters, and the upgrade');
    await checkOwnership(context, tokens);
    await checkUpgrade(context);

    steps.heading('The heartbeat');
    await checkSchedule(context, endpointIsBack);

    steps.heading('Changes');
    const changed = await checkConfigurationChange(context, tokens);
    await checkChangedSecret(context);

    steps.heading('The end');
    await checkDestruction(context, changed);
  } catch (error) {
    if (context.signal.aborted) steps.note(`${context.signal.reason.message}; cleaning up`);
    else await steps.step('the run comes to its end', () => Promise.reject(error));
  } finally {
    if (!target.endsWithRun) await cleanUp(contextUntil(AbortSignal.timeout(600_000)));
  }
}
