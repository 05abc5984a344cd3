import { randomUUID } from 'node:crypto';
import { isRefreshError, RefreshError } from '../errors.ts';
import { parseCredentials } from '../mint/credentials.ts';
import type { Credentials } from '../providers/provider.ts';
import type { OAuthClients } from './clients.ts';
import { follows, giveTurn, ROTATED_KEYS, type Turn } from './rotated-secret.ts';
import type { SecretVersions } from './versions.ts';

/** Secrets Manager's steps, in its order. */
export const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
export type Step = (typeof STEPS)[number];

/** What the steps need. */
export interface RotationParts {
  readonly secretArn: string;
  readonly adminSecretArn: string;
  /** ARN of this function. */
  readonly ownArn: string;
  readonly versions: SecretVersions;
  readonly clients: OAuthClients;
  /** Reads the admin client's secret. */
  readonly readAdmin: () => Promise<Credentials<'client_id' | 'client_secret'>>;
  /** Lets the refresher mint with AWSCURRENT and store the token. */
  readonly mintNow: () => Promise<void>;
  readonly pause: (ms: number) => Promise<unknown>;
}

/** A new version cannot always be read at once, and a new secret may need a moment at the provider. Milliseconds. */
const PATIENCE = [1_000, 2_000, 4_000];

/**
 * Makes the four steps of a rotation by *alternating users*: two clients take turns. Each step can be repeated, and goes by
 * the labels, not by what ran before: a rotation is in progress while AWSPENDING is on another version than AWSCURRENT.
 * Only the idle client's secret is ever renewed, so that whatever is lost, the client that mints goes on.
 *
 * Values are read by version id, which never changes; the labels come from one `DescribeSecret`, which must know
 * this rotation: an older view could take the client that mints for the idle one.
 *
 * @returns what was done, for the log
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 */
export function createSteps(
  parts: RotationParts,
): Readonly<Record<Step, (token: string) => Promise<string>>> {
  const { secretArn, versions, clients } = parts;

  const authenticateNew = (turn: Turn) => patiently(parts, () => authenticate(parts, turn));

  /** @throws RefreshError if the version that is to follow is not the turn that follows, or is refused */
  async function authenticateNext(text: string, active: Turn): Promise<string> {
    const next = parseTurn(text, secretArn);
    if (!follows(next, active)) throw changedOutside(secretArn);
    return await authenticateNew(next);
  }

  async function isGood(text: string, active: Turn): Promise<boolean> {
    const next = parseOrUndefined(text, secretArn);
    if (next === undefined || !follows(next, active)) return false;
    try {
      await authenticateNew(next);
      return true;
    } catch (error) {
      if (!isRefused(error)) throw error;
      return false;
    }
  }

  return {
    async createSecret(token) {
      const progress = await progressOf(parts, token);
      if (progress === undefined) return 'this rotation has ended';
      const { current, pending } = progress;
      const active = await readActive(parts, current);
      await authenticateActive(parts, active.turn);
      const text = await versions.read(pending);
      if (text !== undefined && (await isGood(text, active.turn)))
        return 'the idle client is renewed already';
      if (text === undefined && pending !== token) throw notInProgress(secretArn);
      const adminToken = await authenticateAdmin(parts, active.turn);
      // The stored token may still be one of the idle client, whose tokens may end with its secret.
      await parts.mintNow();
      const now = await progressOf(parts, token);
      if (now?.current !== current || now.pending !== pending) throw changedOutside(secretArn);
      const newSecret = await clients.renew(active.turn.idle_client_id, adminToken);
      // A version's value cannot be replaced: one that is refused gets a successor.
      const version = text === undefined ? pending : randomUUID();
      await versions.putPending(version, giveTurn(active.text, active.turn, newSecret, secretArn));
      return 'renewed the idle client';
    },

    setSecret: async () => 'nothing to do',

    async testSecret() {
      const { current, pending } = await labelsOf(parts);
      if (current === undefined) return 'the secret has no value yet';
      const active = await readActive(parts, current);
      const text =
        pending === undefined || pending === current
          ? undefined
          : await patiently(parts, () => versions.read(pending));
      if (text === undefined || text === active.text) {
        // Secrets Manager tests a rotation that is configured: nothing was renewed.
        await checkSetUp(parts);
        return 'checked the set-up';
      }
      const token = await authenticateNext(text, active.turn);
      await clients.prove(token);
      const roles = await clients.rolesOf(token);
      const activeRoles = await clients.rolesOf(await authenticate(parts, active.turn));
      if (roles !== undefined && activeRoles !== undefined && String(roles) !== String(activeRoles)) {
        throw notSetUp(
          'The two clients have different roles or divisions, so that jobs would lose permissions or gain some. Give both the same roles at the provider.',
        );
      }
      return 'the renewed client works';
    },

    async finishSecret(token) {
      const progress = await progressOf(parts, token);
      if (progress !== undefined) {
        const { current, pending } = progress;
        const active = await readActive(parts, current);
        const text = await patiently(parts, () => versions.read(pending));
        if (text === undefined) {
          throw new RefreshError(
            'SECRET_UNAVAILABLE',
            `The version staged AWSPENDING of ${secretArn} has no value, so nothing was changed. Secrets Manager tries the rotation again.`,
          );
        }
        // Another try may have renewed the client once more since the test.
        await authenticateNext(text, active.turn);
        await versions.move('AWSCURRENT', { from: current, to: pending });
      }
      const { current, pending } = await labelsOf(parts);
      // Left there, it would block later rotations as soon as a person stores another value.
      if (current !== undefined && pending === current) await versions.move('AWSPENDING', { from: current });
      return progress === undefined ? 'this rotation has ended' : 'the renewed client has its turn';
    },
  };
}

/**
 * Checks what a rotation needs, and changes nothing.
 *
 * @throws RefreshError
 */
export async function checkSetUp(parts: RotationParts): Promise<string> {
  const { rotatedBy, current } = await labelsOf(parts);
  if (rotatedBy !== undefined && rotatedBy !== parts.ownArn) {
    throw notSetUp(
      `The secret ${parts.secretArn} is rotated by ${rotatedBy} already. Remove "rotation" from the token, or end that rotation first: aws secretsmanager cancel-rotate-secret --secret-id ${parts.secretArn}`,
    );
  }
  if (current === undefined) throw noValue(parts.secretArn);
  const { turn } = await readActive(parts, current);
  await authenticateActive(parts, turn);
  await authenticateAdmin(parts, turn);
  return 'ready to rotate';
}

async function labelsOf({ versions }: RotationParts) {
  const { stages, rotatedBy } = await versions.describe();
  const idOf = (stage: string) => Object.keys(stages).find((id) => stages[id]?.includes(stage));
  return { stages, rotatedBy, current: idOf('AWSCURRENT'), pending: idOf('AWSPENDING') };
}

/**
 * The rotation that is in progress: the version that is current, and the one that is to follow. Undefined if the one of this
 * token has ended well.
 */
async function progressOf(parts: RotationParts, token: string) {
  const { stages, current, pending } = await labelsOf(parts);
  if (current === undefined) throw noValue(parts.secretArn);
  const own = stages[token] ?? [];
  const isNone = pending === undefined || pending === current;
  if (own.includes('AWSCURRENT') || (own.includes('AWSPREVIOUS') && isNone)) return undefined;
  if (isNone) throw notInProgress(parts.secretArn);
  return { current, pending };
}

async function readActive({ versions, secretArn }: RotationParts, current: string) {
  const text = await versions.read(current);
  if (text === undefined) throw noValue(secretArn);
  const turn = parseTurn(text, secretArn);
  if (turn.client_id === turn.idle_client_id) {
    throw notSetUp(
      `client_id and idle_client_id of ${secretArn} are the same client: renewing its secret would end the one that mints. Create a second client with the same roles, and name it in idle_client_id.`,
    );
  }
  return { text, turn };
}

function authenticate({ clients, secretArn }: RotationParts, turn: Turn): Promise<string> {
  return clients.authenticate(turn, secretArn);
}

async function authenticateActive(parts: RotationParts, active: Turn): Promise<void> {
  try {
    await authenticate(parts, active);
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw new RefreshError(
      'TOKEN_REJECTED',
      `The rotation stops, and nothing was changed: the current version of the secret is refused, so somebody changed the client outside. ${error.message}`,
      { credentialsRefused: true },
    );
  }
}

async function authenticateAdmin(parts: RotationParts, active: Turn): Promise<string> {
  const { adminSecretArn, clients } = parts;
  const admin = await parts.readAdmin();
  if ([active.client_id, active.idle_client_id].includes(admin.client_id)) {
    throw notSetUp(
      `The admin client (${adminSecretArn}) is one of the two clients that take turns: whoever reads a token could renew every client's secret. Create a third client, whose only permission is oauth:client:edit.`,
    );
  }
  return await clients.authenticate(admin, adminSecretArn);
}

/** Repeats what is refused, or not there yet, because it may be a second old. */
async function patiently<T>({ pause }: RotationParts, attempt: () => Promise<T>): Promise<T> {
  for (const ms of PATIENCE) {
    const found = await attempt().catch((error: unknown) => {
      if (!isRefused(error)) throw error;
    });
    if (found !== undefined) return found;
    await pause(ms);
  }
  return await attempt();
}

function isRefused(error: unknown): error is RefreshError {
  return isRefreshError(error) && error.credentialsRefused;
}

function parseTurn(text: string, secretArn: string): Turn {
  return parseCredentials(text, ROTATED_KEYS, secretArn);
}

function parseOrUndefined(text: string, secretArn: string): Turn | undefined {
  try {
    return parseTurn(text, secretArn);
  } catch {
    return undefined;
  }
}

function notSetUp(problem: string): RefreshError {
  return new RefreshError('ROTATION_NOT_SET_UP', problem);
}

function noValue(secretArn: string): RefreshError {
  return new RefreshError(
    'SECRET_UNAVAILABLE',
    `The secret ${secretArn} has no current value yet. Store {"client_id": "…", "client_secret": "…", "idle_client_id": "…"}: aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string file://client.json`,
  );
}

function changedOutside(secretArn: string): RefreshError {
  return new RefreshError(
    'SECRET_UNAVAILABLE',
    `Somebody changed the secret ${secretArn} during the rotation, so the rotation goes no further. Secrets Manager tries again, with the new value.`,
  );
}

function notInProgress(secretArn: string): RefreshError {
  return new RefreshError(
    'EVENT_INVALID',
    `This rotation of ${secretArn} is not in progress. Nothing was changed. To start one: aws secretsmanager rotate-secret --secret-id ${secretArn}`,
  );
}
