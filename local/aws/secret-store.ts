import { randomBytes } from 'node:crypto';
import { AwsError } from './aws-error.ts';
import { createNamedItems } from './named-items.ts';
import type { Place } from './operation.ts';

/** The value of a version: text or base64 of bytes, never both. */
export type SecretValue = { readonly SecretString: string } | { readonly SecretBinary: string };

/** One version. It is never changed in place, so that a snapshot of the store does not change. */
export interface SecretVersion {
  readonly versionId: string;
  readonly value: SecretValue;
  readonly stages: readonly string[];
  readonly createdDate: Date;
}

/** A secret with its versions, oldest first. */
export interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly description?: string;
  readonly kmsKeyId?: string;
  readonly versions: readonly SecretVersion[];
  readonly tags: ReadonlyMap<string, string>;
  readonly createdDate: Date;
  readonly lastChangedDate: Date;
  readonly lastRotatedDate?: Date;
  readonly deletedDate?: Date;
}

/** The secrets of the account by name, and how they were before the last write. */
export interface SecretStore {
  readonly place: Place;
  readonly secrets: ReadonlyMap<string, Secret>;
  view(options: { stale: boolean }): ReadonlyMap<string, Secret>;
  set(secret: Secret): void;
  remove(name: string): void;
  newArn(name: string): string;
}

/** Makes an empty secret store. */
export function createSecretStore(place: Place): SecretStore {
  const { items, view, set, remove } = createNamedItems<Secret>();
  return {
    place,
    get secrets() {
      return items();
    },
    view,
    set,
    remove,
    newArn: (name) => `${arnPrefix(place)}${name}-${randomSuffix()}`,
  };
}

/** Finds a secret by name, complete ARN, or ARN without the random suffix. */
export function findSecret(secrets: ReadonlyMap<string, Secret>, secretId: string): Secret | undefined {
  if (!secretId.startsWith('arn:')) return secrets.get(secretId);
  const all = [...secrets.values()];
  return (
    all.find(({ arn }) => arn === secretId) ??
    all.find(({ arn }) => arn.slice(0, -'-abcdef'.length) === secretId)
  );
}

/** The ARN that policies are evaluated against when there is no such secret: the name without a suffix. */
export function unresolvedArn(place: Place, secretId: string): string {
  return secretId.startsWith('arn:') ? secretId : `${arnPrefix(place)}${secretId}`;
}

/**
 * Moves staging labels to a version the way Secrets Manager does: a label is on one version at a time, and
 * AWSPREVIOUS follows AWSCURRENT to the version that AWSCURRENT left.
 */
export function moveStages(
  versions: readonly SecretVersion[],
  versionId: string,
  stages: readonly string[],
): SecretVersion[] {
  const former = versions.find((version) => version.stages.includes('AWSCURRENT'))?.versionId;
  const currentMoves = stages.includes('AWSCURRENT') && former !== undefined && former !== versionId;
  const moved = new Set(currentMoves ? [...stages, 'AWSPREVIOUS'] : stages);
  return versions.map((version) => {
    const kept = version.stages.filter((stage) => !moved.has(stage));
    if (version.versionId === versionId) return { ...version, stages: [...kept, ...stages] };
    if (currentMoves && version.versionId === former) return { ...version, stages: [...kept, 'AWSPREVIOUS'] };
    return { ...version, stages: kept };
  });
}

/** Finds a version by id, by stage, or by both. @throws AwsError with the documented wording */
export function findSecretVersion(
  secret: Secret,
  { versionId, stage }: { versionId?: string | undefined; stage?: string | undefined },
): SecretVersion {
  if (versionId !== undefined) {
    const version = secret.versions.find((candidate) => candidate.versionId === versionId);
    if (!version) {
      throw new AwsError(
        'ResourceNotFoundException',
        `Secrets Manager can't find the specified secret value for VersionId: ${versionId}`,
      );
    }
    if (stage !== undefined && !version.stages.includes(stage)) {
      throw new AwsError(
        'InvalidRequestException',
        'You provided a VersionStage that is not associated to the provided VersionId.',
      );
    }
    return version;
  }
  const wanted = stage ?? 'AWSCURRENT';
  const version = secret.versions.find((candidate) => candidate.stages.includes(wanted));
  if (!version) {
    throw new AwsError(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for staging label: ${wanted}`,
    );
  }
  return version;
}

function arnPrefix(place: Place): string {
  return `arn:aws:secretsmanager:${place.region}:${place.accountId}:secret:`;
}

function randomSuffix(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return [...randomBytes(6)].map((byte) => letters[byte % letters.length]).join('');
}
