/**
 * `npm run e2e`: deploys the real app with the real CDK, onto MiniStack or whatever the environment names (docs/development/e2e.md),
 * runs it, changes it, and destroys it. Exit status 0: every step passed.
 */
import { setMaxListeners } from 'node:events';
import { createAws } from './aws.ts';
import { createCdk } from './cdk.ts';
import { checkCodeChange, checkConfigurationChange, checkUnchanged } from './changes.ts';
import { checkDestruction, cleanUp } from './destruction.ts';
import type { E2eHarness } from './e2e-harness.ts';
import { checkFirstDeployment, deployFirst } from './first-deployment.ts';
import { checkGrants } from './grants.ts';
import { checkJob } from './job.ts';
import { checkInvocations, checkSchedule, checkStoredSecret } from './mints.ts';
import { checkOwnership } from './ownership.ts';
import { checkSecrecy } from './secrecy.ts';
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
  const names = {
    prefix: `/e2e-${run}`,
    secret: `token-refresher-e2e-${run}`,
    readerRole: `token-refresher-e2e-${run}`,
  };
  const stageUntil = (signal: AbortSignal): E2eHarness => ({
    target,
    server,
    steps,
    signal,
    names,
    aws: createAws(target, signal),
    cdk: createCdk({ target, stackName, steps, signal }),
  });
  const harness = stageUntil(interruption.signal);
  try {
    steps.heading('First deployment');
    const tokens = await deployFirst(harness);
    await checkFirstDeployment(harness);

    steps.heading('Before the next invocation by the schedule');
    const endpointIsBack = await server.endOutage();
    await checkStoredSecret(harness);
    await checkUnchanged(harness, tokens);
    await checkJob(harness);
    await checkGrants(harness, Object.keys(tokens));

    steps.heading('Ownership of parameters, and the upgrade');
    await checkOwnership(harness, tokens);
    await checkUpgrade(harness);

    steps.heading('The heartbeat');
    await checkSchedule(harness, endpointIsBack);

    steps.heading('Invocations and a changed secret');
    await checkInvocations(harness);

    steps.heading('Changes');
    await checkCodeChange(harness, tokens);
    const changed = await checkConfigurationChange(harness, tokens);
    await checkSecrecy(harness, ['filled', 'waiting', 'renamed']);

    steps.heading('The end');
    await checkDestruction(harness, changed);
  } catch (error) {
    if (harness.signal.aborted) steps.note(`${harness.signal.reason.message}; cleaning up`);
    else await steps.step('the run comes to its end', () => Promise.reject(error));
  } finally {
    if (!target.endsWithRun) await cleanUp(stageUntil(AbortSignal.timeout(600_000)));
  }
}
