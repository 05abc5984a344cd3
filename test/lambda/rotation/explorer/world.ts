import { RefreshError } from '../../../../lambda/errors.ts';
import type { Credentials } from '../../../../lambda/providers/provider.ts';
import {
  CANARY,
  isLive,
  issueToken,
  type VirtualAccount,
} from '../../../../local/simulation/virtual-account.ts';

const HOUR = 60 * 60_000;
export const ADMIN = { client_id: 'admin', client_secret: `${CANARY}-admin` };

/** Secrets Manager and the provider's API, beside the virtual account. */
export interface World {
  readonly account: VirtualAccount;
  /** The one secret that each client has: a new one ends the old one, and every token of the client. */
  readonly secrets: Map<string, string>;
  /** The values of the versions; undefined: a rotation began. */
  readonly values: Map<string, string | undefined>;
  /** The labels of each version, and where they were before the last change. */
  stages: Readonly<Record<string, readonly string[]>>;
  olderStages: World['stages'];
  /** The client of each token. */
  readonly owners: Map<string, string>;
  renewals: number;
}

/** Two clients; the token of the first one is stored, as `account` says. */
export function createWorld(account: VirtualAccount): World {
  const secrets = new Map(['A', 'B', 'admin'].map((id) => [id, `${CANARY}-${id}`]));
  const world: World = {
    account,
    secrets,
    values: new Map(),
    stages: {},
    olderStages: {},
    owners: new Map(account.issued.map(({ value }) => [value, 'A'])),
    renewals: 0,
  };
  const first = { client_id: 'A', client_secret: secrets.get('A'), idle_client_id: 'B', note: 'kept' };
  world.values.set('V1', JSON.stringify(first));
  world.stages = { V1: ['AWSCURRENT'] };
  world.olderStages = world.stages;
  return world;
}

export const idOf = ({ stages }: World, stage: string) =>
  Object.keys(stages).find((id) => stages[id]?.includes(stage));

export function secretOf(world: World, stage: string): Record<string, string> | undefined {
  const value = world.values.get(idOf(world, stage) ?? '');
  return value === undefined ? undefined : JSON.parse(value);
}

/** Puts a label onto a version, or onto none. AWSPREVIOUS follows AWSCURRENT. */
export function moveStage(world: World, stage: string, to: string | undefined): void {
  const former = idOf(world, stage);
  const previous = stage === 'AWSCURRENT' ? former : idOf(world, 'AWSPREVIOUS');
  const moved = [...new Set([...Object.keys(world.stages), ...(to === undefined ? [] : [to])])].map((id) => {
    const others = (world.stages[id] ?? []).filter((one) => one !== stage && one !== 'AWSPREVIOUS');
    return [
      id,
      [...others, ...(id === to ? [stage] : []), ...(id === previous ? ['AWSPREVIOUS'] : [])],
    ] as const;
  });
  world.olderStages = world.stages;
  world.stages = Object.fromEntries(moved.filter(([, labels]) => labels.length > 0));
}

/** Begins a rotation as `RotateSecret` does, or goes on with one that did not end. */
export function startRotation(world: World, token: string): string {
  const pending = idOf(world, 'AWSPENDING');
  if (pending !== undefined && pending !== idOf(world, 'AWSCURRENT')) return pending;
  world.values.set(token, undefined);
  moveStage(world, 'AWSPENDING', token);
  return token;
}

/** Requests a token that the refresher stores. */
export function mintToken(world: World, { client_id = '', client_secret }: Credentials) {
  const { account } = world;
  if (world.secrets.get(client_id) !== client_secret) throw refused();
  account.nowMs += 1_000;
  const token = issueToken(account, HOUR);
  world.owners.set(token.value, client_id);
  return token;
}

/** Requests a token that the rotation uses: it lives as long as its client's secret. */
export function rotationToken(world: World, { client_id = '', client_secret }: Credentials): string {
  if (world.secrets.get(client_id) !== client_secret) throw refused();
  return `${client_id} ${client_secret}`;
}

export function prove(world: World, token: string): void {
  const [client = '', secret] = token.split(' ');
  if (world.secrets.get(client) !== secret) throw new RefreshError('TOKEN_UNUSABLE', 'The API refused.');
}

export function renew(world: World, clientId: string): string {
  world.renewals += 1;
  const secret = `${CANARY}-${clientId}-${world.renewals}`;
  world.secrets.set(clientId, secret);
  for (const token of world.account.issued) {
    if (world.owners.get(token.value) === clientId)
      token.endedMs = Math.min(token.endedMs, world.account.nowMs);
  }
  return secret;
}

/** A person renews the current client's secret at the provider, and stores it a moment later, without a rotation. */
export function changeOutside(world: World): void {
  const current = secretOf(world, 'AWSCURRENT') ?? {};
  const client_secret = renew(world, current.client_id ?? '');
  world.values.set('outside', JSON.stringify({ ...current, client_secret }));
  moveStage(world, 'AWSCURRENT', 'outside');
}

/** Whether the stored token is accepted at present. */
export function readerSeesLive({ account }: World): boolean {
  return isLive(account, account.versions.at(-1)?.value);
}

function refused(): RefreshError {
  return new RefreshError('TOKEN_REJECTED', 'The virtual API refused.', { credentialsRefused: true });
}
