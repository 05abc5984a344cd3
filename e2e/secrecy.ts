import assert from 'node:assert/strict';
import { outputsOf, readTemplate, stackResources } from './deployed-stack.ts';
import { readLog } from './logs.ts';
import { pathOf, type Stage } from './stage.ts';
import { readStored } from './stored-token.ts';

/** Looks for the client's secrets and the stored tokens where they must not be. */
export async function checkSecrecy(stage: Stage, tokens: readonly string[]): Promise<void> {
  const { aws, server, steps } = stage;
  await steps.step(
    'no secret and no token in logs, statuses, template, outputs or environments',
    async () => {
      const stored = await Promise.all(tokens.map((token) => readStored(aws, pathOf(stage, token))));
      const resources = await stackResources(stage);
      const idsOf = (type: string): string[] =>
        resources
          .filter(({ ResourceType }) => ResourceType === type)
          .map(({ PhysicalResourceId }) => PhysicalResourceId);
      const logs = await Promise.all(idsOf('AWS::Logs::LogGroup').map((group) => readLog(stage, group)));
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
        template: JSON.stringify(await readTemplate(stage)),
        outputs: JSON.stringify(await outputsOf(stage)),
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
