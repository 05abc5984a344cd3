/**
 * Runs inside the function's process: loads the handler, then takes invocations from the Lambda Runtime API one
 * after the other. Started by function-process.ts as `node lambda-runtime-bootstrap.mjs <handler file>`.
 *
 * Plain JavaScript: stripping types would add 50 ms to every cold start, a third of the bundle's own.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import { request } from 'node:http';
import { pathToFileURL } from 'node:url';

const [handlerFile = ''] = process.argv.slice(2);
const api = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}`);

const handler = await loadHandler();
for (;;) await serveNext(handler);

async function loadHandler() {
  try {
    const loaded = await import(pathToFileURL(handlerFile).href);
    const found = loaded.handler ?? loaded.default?.handler;
    if (typeof found !== 'function') throw new Error('handler is undefined or not exported');
    return found;
  } catch (error) {
    await callApi('POST', 'init/error', describeError(error));
    process.exit(1);
  }
}

async function serveNext(handle) {
  const { headers, body } = await callApi('GET', 'invocation/next');
  const awsRequestId = String(headers['lambda-runtime-aws-request-id']);
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    awsRequestId,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    callbackWaitsForEmptyEventLoop: true,
    // The process's own clock, even where a test has replaced Date.
    getRemainingTimeInMillis: () =>
      Math.max(0, Math.floor(deadlineMs - (performance.timeOrigin + performance.now()))),
  };
  try {
    const result = await handle(JSON.parse(body), context);
    await callApi('POST', `invocation/${awsRequestId}/response`, result ?? null);
  } catch (error) {
    await callApi('POST', `invocation/${awsRequestId}/error`, describeError(error));
  }
}

function describeError(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function callApi(method, path, body) {
  return new Promise((resolve, reject) => {
    const call = request(new URL(`/2018-06-01/runtime/${path}`, api), { method }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ headers: response.headers, body: text }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
