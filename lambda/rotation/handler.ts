import { setTimeout } from 'node:timers/promises';
import { awsClientSettings } from '../aws-client.ts';
import { parseProviderSettings, readProxy } from '../config.ts';
import { describeProvider, type RotationEnvironment } from '../contract.ts';
import { type CloudFormationEvent, respond } from '../deployment/cloudformation.ts';
import { type FailureCode, RefreshError, withCode } from '../errors.ts';
import { parseCredentials } from '../mint/credentials.ts';
import { createSendRequest } from '../mint/http.ts';
import { createReadSecret } from '../mint/secret.ts';
import { openClients } from './clients.ts';
import { createMintNow } from './refresher.ts';
import { checkSetUp, createSteps, type RotationParts, STEPS } from './steps.ts';
import { openVersions } from './versions.ts';

interface InvocationContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  getRemainingTimeInMillis(): number;
}

/** What an invocation requests: the step's name for the log, and what runs it. It resolves with the outcome. */
interface Request {
  readonly step: string;
  readonly run: (parts: () => RotationParts) => Promise<string>;
}

/** Reserved from the function's remaining time, to log. */
const RESERVE_MS = 3_000;

/**
 * The Lambda function that rotates a token's client secret. Secrets Manager invokes it for each step. A person may
 * invoke it with `{"check":true}`, which changes nothing.
 *
 * @throws RefreshError whose name, Lambda's `errorType`, is the failure code
 */
export async function handler(event: unknown, context: InvocationContext): Promise<object> {
  const startedAt = Date.now();
  const log = (entry: object): void => {
    const common = {
      time: new Date(startedAt).toISOString(),
      token: process.env.ROTATED_TOKEN,
      requestId: context.awsRequestId,
    };
    process.stdout.write(`${JSON.stringify({ ...common, ...entry, durationMs: Date.now() - startedAt })}\n`);
  };
  let step: string | undefined;
  try {
    const request = parseRequest(event);
    step = request.step;
    const signal = AbortSignal.timeout(Math.max(1, context.getRemainingTimeInMillis() - RESERVE_MS));
    const outcome = await request.run(() => open(context.invokedFunctionArn, signal));
    log({ level: 'info', step, outcome });
    return { step, outcome };
  } catch (caught) {
    const { code, message } = withCode(caught, 'SECRET_NOT_RENEWED');
    const error = new RefreshError(code, step === undefined ? message : `${step}: ${message}`);
    log({ level: 'error', step, error: { code, message } });
    throw error;
  }
}

/**
 * Answers CloudFormation. A deployment fails if the secret cannot be rotated as it is set up. It does not fail if the secret
 * has no value yet, or if the provider is down: the first rotation tells that.
 */
async function checkDeployment(event: CloudFormationEvent, parts: () => RotationParts): Promise<string> {
  const problem = event.RequestType === 'Delete' ? undefined : await problemOf(parts);
  const isWrong = problem !== undefined && SET_UP_CODES.includes(problem.code);
  await respond(event, {
    status: isWrong ? 'FAILED' : 'SUCCESS',
    physicalResourceId: event.PhysicalResourceId ?? event.LogicalResourceId,
    ...(isWrong ? { reason: problem.message } : {}),
  });
  return problem === undefined ? 'ready to rotate' : `not ready to rotate: ${problem.message}`;
}

/** What a person set up wrong. */
const SET_UP_CODES: readonly FailureCode[] = ['ROTATION_NOT_SET_UP', 'SECRET_MALFORMED', 'CONFIG_INVALID'];

/** For a minute after the role was made, its permissions may not be known everywhere. */
const IAM_ATTEMPTS = 20;
const IAM_INTERVAL_MS = 3_000;

async function problemOf(parts: () => RotationParts): Promise<RefreshError | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await checkSetUp(parts());
      return undefined;
    } catch (caught) {
      const error = withCode(caught, 'SECRET_NOT_RENEWED');
      if (error.fault !== 'IAM' || attempt === IAM_ATTEMPTS) return error;
      await setTimeout(IAM_INTERVAL_MS);
    }
  }
}

function parseRequest(event: unknown): Request {
  const { Step, ClientRequestToken: token, RequestType, check } = Object(event);
  const step = STEPS.find((one) => one === Step);
  if (step !== undefined && typeof token === 'string')
    return { step, run: (parts) => createSteps(parts())[step](token) };
  if (RequestType !== undefined)
    return { step: 'deployment', run: (parts) => checkDeployment(event as CloudFormationEvent, parts) };
  if (check === true) return { step: 'check', run: async (parts) => checkSetUp(parts()) };
  throw new RefreshError(
    'EVENT_INVALID',
    'The event is neither a step of Secrets Manager nor {"check":true}. Nothing was changed. To rotate: aws secretsmanager rotate-secret.',
  );
}

/** Reads the environment, and makes what the steps need. */
function open(ownArn: string, signal: AbortSignal): RotationParts {
  const problems: string[] = [];
  const text = (name: keyof RotationEnvironment): string => {
    const value = process.env[name] ?? '';
    if (value === '') problems.push(`${name} is not set`);
    return value;
  };
  const [secretArn, adminSecretArn] = [text('SECRET_ARN'), text('ADMIN_SECRET_ARN')];
  const functionName = text('REFRESHER');
  const settings = parseProviderSettings(text('PROVIDER_SETTINGS'), problems);
  const proxy = readProxy(process.env, problems);
  const provider = settings && describeProvider(settings);
  const api = provider?.renewalApi;
  if (api === undefined) problems.push('the provider has no API that renews a secret');
  if (problems.length > 0 || provider === undefined || api === undefined) {
    throw new RefreshError(
      'CONFIG_INVALID',
      `The function's environment variables are wrong: ${problems.join('; ')}. Deploy the stack again; do not edit the function by hand.`,
    );
  }
  const awsClient = awsClientSettings(process.env);
  const readAdmin = createReadSecret({ secretArn: adminSecretArn, awsClient });
  return {
    secretArn,
    adminSecretArn,
    ownArn,
    versions: openVersions({ secretArn, awsClient, signal }),
    clients: openClients({ provider, api, send: createSendRequest(proxy), signal }),
    readAdmin: async () =>
      parseCredentials((await readAdmin('AWSCURRENT', { signal })).text, ADMIN_KEYS, adminSecretArn),
    mintNow: createMintNow({ functionName, awsClient, signal }),
    pause: setTimeout,
  };
}

const ADMIN_KEYS = ['client_id', 'client_secret'] as const;
