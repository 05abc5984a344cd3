import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { judge, playDemonstration } from './demonstration.ts';
import { type FunctionHarness, openFunctionHarness } from './function-harness.ts';
import { createTimeline } from './timeline.ts';

/*
 * `npm start`: the main job, whole, on one machine; ends by itself, with 0 only if every read was good.
 * `npm start -- --keep-running`: leaves everything up until Ctrl-C, and prints commands to try.
 */
const { values } = parseArgs({ options: { 'keep-running': { type: 'boolean', default: false } } });
const write = (line: string): void => console.log(line);

write('Synthesizing the stack, starting an authorization server and an AWS endpoint …');
const harness = await openFunctionHarness({
  speed: 120,
  lifetimeSeconds: 20 * 60,
  refreshIntervalMinutes: 10,
});
try {
  const timeline = createTimeline({ now: harness.now, write });
  const isGood = judge(await playDemonstration(harness, timeline), write);
  if (!isGood) process.exitCode = 1;
  if (values['keep-running']) await keepRunning(harness);
} finally {
  await harness.close();
}

async function keepRunning({ aws, administrator, fn, realMs, invoke }: FunctionHarness): Promise<void> {
  const { accessKeyId, secretAccessKey, sessionToken } = administrator;
  const beats = setInterval(() => invoke({}).catch(() => undefined), realMs(60_000));
  const cli = `aws --endpoint-url ${aws.url} --region ${aws.region}`;
  const parameters = [fn.environment.TOKEN_PARAMETER, fn.environment.STATUS_PARAMETER];
  write(`
Still running, one beat every ${realMs(60_000)} ms. In another shell (Ctrl-C here ends it):

  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey} AWS_SESSION_TOKEN=${sessionToken}
  ${cli} ssm get-parameter --name ${parameters[0]} --with-decryption --query Parameter.Value --output text
  ${cli} ssm get-parameter --name ${parameters[1]} --query Parameter.Value --output text
  ${cli} lambda invoke --function-name ${fn.name} --cli-binary-format raw-in-base64-out --payload '{"force":true}' /dev/stdout
  ${cli} lambda invoke --function-name ${fn.name} --cli-binary-format raw-in-base64-out --payload '{"diagnose":true}' /dev/stdout
`);
  await once(process, 'SIGINT');
  clearInterval(beats);
}
