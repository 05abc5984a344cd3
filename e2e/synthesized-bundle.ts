import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createFunctionProcess, type FunctionProcess } from '../local/aws/function-process.ts';
import { readFunctions } from '../local/synthesized-function.ts';
import type { TemplatePlace } from '../local/template-resolver.ts';
import { succeed } from './command.ts';
import { ROOT, WORK_DIRECTORY } from './target.ts';

/**
 * Runs the real `cdk synth`, takes the one function out of its output, and makes it ready to be invoked: with its
 * template's environment, `AWS_ENDPOINT_URL`, credentials, and what Lambda itself sets. Nothing else.
 */
export async function openSynthesizedBundle(options: {
  readonly tokens: readonly object[];
  readonly place: TemplatePlace;
  readonly endpointUrl: string;
  readonly signal: AbortSignal;
}): Promise<FunctionProcess> {
  const { tokens, place, endpointUrl, signal } = options;
  const directory = join(WORK_DIRECTORY, 'bundle-cdk.out');
  rmSync(directory, { recursive: true, force: true });
  const stackName = 'Bundle';
  await succeed(
    'cdk',
    [
      ...['synth', '--quiet', '--no-notices', '--output', directory],
      ...['-c', `stackName=${stackName}`, '-c', `tokens=${JSON.stringify(tokens)}`],
    ],
    { env: environment(place.region), cwd: ROOT, signal },
  );
  const template = JSON.parse(readFileSync(join(directory, `${stackName}.template.json`), 'utf8'));
  const [fn] = readFunctions({ directory, stackName, template }, place);
  if (fn === undefined) throw new Error('The synthesized stack has no function.');
  const [file, handlerExport] = fn.handler.split('.');
  return createFunctionProcess({
    name: fn.name,
    region: place.region,
    handlerFile: join(fn.codeDirectory, `${file}.mjs`),
    ...(handlerExport === undefined ? {} : { handlerExport }),
    environment: fn.environment,
    endpointUrl,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test', sessionToken: 'test' },
    timeoutMs: fn.timeoutSeconds * 1000,
    memoryMegabytes: fn.memoryMiB,
  });
}

function environment(region: string): NodeJS.ProcessEnv {
  const bin = join(ROOT, 'node_modules/.bin');
  return {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    // Without one, the CDK takes us-east-1.
    AWS_REGION: region,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
  };
}
