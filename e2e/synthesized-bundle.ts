import { join } from 'node:path';
import { createFunctionProcess, type FunctionProcess } from '../local/aws/function-process.ts';
import { synthesize } from '../local/synthesized-function.ts';
import type { TemplatePlace } from '../local/template-resolver.ts';

/**
 * Synthesizes the app, takes the one function out of the output, and makes it ready to be invoked: with its template's
 * environment, `AWS_ENDPOINT_URL`, credentials, and what Lambda itself sets. Nothing else.
 */
export function openSynthesizedBundle(options: {
  readonly tokens: readonly object[];
  readonly place: TemplatePlace;
  readonly endpointUrl: string;
}): FunctionProcess {
  const { tokens, place, endpointUrl } = options;
  const [fn] = synthesize({ tokens, place }).functions;
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
