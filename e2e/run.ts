/**
 * `npm run e2e`: deploys the real app with the real CDK, onto MiniStack or whatever the environment names (docs/e2e.md),
 * lets it live through a working day in two minutes, and destroys it. Exit status 0: every step passed.
 */
import { setMaxListeners } from 'node:events';
import { createAws } from './aws.ts';
import { createCdk } from './cdk.ts';
import { checkCodeChange, checkConfigurationChange, checkUnchanged } from './changes.ts';
import { checkDestruction, cleanUp } from './destruction.ts';
import { checkFirstDeployment, deployFirst } from './first-deployment.ts';
import { checkGrants } from './grants.ts';
import { checkJob } from './job.ts';
import { checkInvocations, checkSchedule, checkStoredSecret } from './mints.ts';
import { checkSecrecy } from './secrecy.ts';
import type { Stage } from './stage.ts';
import { createSteps } from './steps.ts';
import { openTarget, type Target } from './target.ts';
import { remoteTokenServer, startLocalTokenServer, type TokenServer } from './token-server.ts';

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
  const stageUntil = (signal: AbortSignal): Stage => ({
    target,
    server,
    steps,
    signal,
    names,
    aws: createAws(target, signal),
    cdk: createCdk({ target, stackName, steps, signal }),
  });
  const stage = stageUntil(interruption.signal);
  try {
    steps.heading('First deployment');
    const tokens = await deployFirst(stage);
    await checkFirstDeployment(stage);

    steps.heading('While the heartbeat counts to sixty');
    const endpointIsBack = await server.endOutage();
    await checkStoredSecret(stage);
    await checkUnchanged(stage, tokens);
    await checkJob(stage);
    await checkGrants(stage, Object.keys(tokens));

    steps.heading('The heartbeat');
    await checkSchedule(stage, endpointIsBack);

    steps.heading('Invocations and a changed secret');
    await checkInvocations(stage);

    steps.heading('Changes');
    await checkCodeChange(stage, tokens);
    const changed = await checkConfigurationChange(stage, tokens);
    await checkSecrecy(stage, ['filled', 'waiting', 'renamed']);

    steps.heading('The end');
    await checkDestruction(stage, changed);
  } catch (error) {
    if (stage.signal.aborted) steps.note(`${stage.signal.reason.message}; cleaning up`);
    else await steps.step('the run comes to its end', () => Promise.reject(error));
  } finally {
    if (!target.endsWithRun) await cleanUp(stageUntil(AbortSignal.timeout(600_000)));
  }
}
