import assert from 'node:assert/strict';
import { outputsOf, readTemplate, stackResources } from './deployed-stack.ts';
import { type E2eHarness, pathOf } from './e2e-harness.ts';
import { readLog } from './logs.ts';
import { readStored } from './stored-token.ts';

/** Searches for the client's secrets and the stored tokens where they must not be. */
export async function checkSecrecy(harness: E2eHarness, tokens: readonly string[]): Promise<void> {
  const { aws, server, steps } = harness;
  await steps.step(
    'no secret and no token in logs, statuses, template, outputs or environments',
    async () => {
      const stored = await Promise.all(tokens.map((token) => readStored(aws, pathOf(harness, token))));
      const resources = await stackResources(harness);
      const idsOf = (type: string): string[] =>
        resources
          .filter(({ ResourceType }) => ResourceType === type)
          .map(({ PhysicalResourceId }) => PhysicalResourceId);
      const logs = await Promise.all(idsOf('AWS::Logs::LogGroup').map((group) => readLog(harness, group)));
      const functions = await Promise.all(
        idsOf('AWS::Lambda::Function').map((name) =>
          aws.call('lambda', 'get-function-configuration', '--function-name', name),
        ),
      );
      const lines = logs.flat();
      assert.ok(lines.length > 0, 'there is no log to look at');
      const places = {
        logs: lines.join('\n'),
        statuses: stored.map(({ statusText }) => statusText).join('\n'),
        template: JSON.stringify(await readTemplate(harness)),
        outputs: JSON.stringify(await outputsOf(harness)),
        environments: JSON.stringify(functions),
      };
      const canaries = [...server.secrets, ...stored.map(({ accessToken }) => accessToken)];
      for (const [place, text] of Object.entries(places)) {
        for (const canary of canaries) {
          assert.ok(canary !== undefined && !text.includes(canary), `a secret or token is in the ${place}`);
        }
      }
    },
  );
}
