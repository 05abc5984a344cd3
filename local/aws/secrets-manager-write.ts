import { randomUUID } from 'node:crypto';
import { AwsError } from './aws-error.ts';
import { optionalString, requiredString, stringList, tagList } from './input.ts';
import type { Kms } from './kms.ts';
import type { JsonObject, Operation, OperationCall } from './operation.ts';
import type { SecretAccess } from './secret-access.ts';
import {
  moveStages,
  type Secret,
  type SecretStore,
  type SecretValue,
  type SecretVersion,
} from './secret-store.ts';
import { useKey } from './secrets-manager-read.ts';

const maxValueBytes = 65_536;

/**
 * The event that Secrets Manager itself sends to EventBridge when a label moves.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
export interface SecretLabelUpdatedEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': 'Secret Label Updated';
  readonly source: 'aws.secretsmanager';
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: { readonly name: string; readonly labelUpdated: string; readonly versionId: string };
}

/**
 * Makes the operations that change secrets.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export function createSecretWrites(parts: {
  store: SecretStore;
  kms: Kms;
  access: SecretAccess;
  emit: (event: SecretLabelUpdatedEvent) => void;
}): Record<string, Operation> {
  const { store, kms, access } = parts;
  return {
    CreateSecret(input, call) {
      const name = requiredString(input, 'Name');
      if (!/^[\w/+=.@-]{1,512}$/.test(name)) {
        throw new AwsError(
          'ValidationException',
          'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
        );
      }
      const existing = store.secrets.get(name);
      const arn = existing?.arn ?? store.newArn(name);
      call.authorize({
        action: 'secretsmanager:CreateSecret',
        resource: arn,
        context: { 'secretsmanager:Name': name },
      });
      if (existing?.deletedDate) {
        throw new AwsError(
          'InvalidRequestException',
          "You can't create this secret because a secret with this name is already scheduled for deletion.",
        );
      }
      if (existing) {
        throw new AwsError(
          'ResourceExistsException',
          `The operation failed because the secret ${name} already exists.`,
        );
      }
      const description = optionalString(input, 'Description');
      const kmsKeyId = optionalString(input, 'KmsKeyId');
      const secret: Secret = {
        arn,
        name,
        ...(description === undefined ? {} : { description }),
        ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
        versions: [],
        tags: tagList(input),
        createdDate: call.now,
        lastChangedDate: call.now,
      };
      const value = secretValueOf(input);
      if (!value) {
        store.set(secret);
        return { ARN: arn, Name: name };
      }
      const versionId = versionIdOf(input);
      useKey(kms, secret, versionId, ['kms:GenerateDataKey', 'kms:Decrypt'], call);
      store.set({
        ...secret,
        versions: [{ versionId, value, stages: ['AWSCURRENT'], createdDate: call.now }],
      });
      return { ARN: arn, Name: name, VersionId: versionId };
    },

    PutSecretValue(input, call) {
      const secret = access('PutSecretValue', input, call);
      const value = secretValueOf(input);
      if (!value) throw invalidParameter('You must provide either SecretString or SecretBinary.');
      const stages = input.VersionStages
        ? stringList(input, 'VersionStages', { min: 1, max: 20 })
        : ['AWSCURRENT'];
      const version = addVersion(secret, value, stages, input, call);
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: version.versionId,
        VersionStages: version.stages,
      };
    },

    UpdateSecret(input, call) {
      const secret = access('UpdateSecret', input, call);
      const description = optionalString(input, 'Description');
      const kmsKeyId = optionalString(input, 'KmsKeyId');
      const updated: Secret = {
        ...secret,
        ...(description === undefined ? {} : { description }),
        ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
        lastChangedDate: call.now,
      };
      const value = secretValueOf(input);
      if (!value) {
        store.set(updated);
        return { ARN: secret.arn, Name: secret.name };
      }
      const version = addVersion(updated, value, ['AWSCURRENT'], input, call);
      return { ARN: secret.arn, Name: secret.name, VersionId: version.versionId };
    },

    UpdateSecretVersionStage(input, call) {
      const stage = requiredString(input, 'VersionStage');
      const secret = access('UpdateSecretVersionStage', input, call, {
        context: { 'secretsmanager:VersionStage': stage },
      });
      const to = optionalString(input, 'MoveToVersionId');
      const from = optionalString(input, 'RemoveFromVersionId');
      checkMove(secret, stage, to, from);
      if (to === undefined) {
        const versions = secret.versions.map((version) =>
          version.versionId === from
            ? { ...version, stages: version.stages.filter((candidate) => candidate !== stage) }
            : version,
        );
        store.set({ ...secret, versions, lastChangedDate: call.now });
        return { ARN: secret.arn, Name: secret.name };
      }
      const target = versionOf(secret, to);
      // The last step of a rotation: the pending version becomes the current one.
      const rotated = stage === 'AWSCURRENT' && target.stages.includes('AWSPENDING');
      relabel(secret, secret.versions, to, [stage], call, rotated ? { lastRotatedDate: call.now } : {});
      return { ARN: secret.arn, Name: secret.name };
    },
  };

  function addVersion(
    secret: Secret,
    value: SecretValue,
    stages: readonly string[],
    input: JsonObject,
    call: OperationCall,
  ): SecretVersion {
    const versionId = versionIdOf(input);
    const existing = secret.versions.find((version) => version.versionId === versionId);
    if (existing) {
      if (JSON.stringify(existing.value) === JSON.stringify(value)) return existing;
      throw new AwsError(
        'ResourceExistsException',
        `You can't use ClientRequestToken ${versionId} because that value is already in use for a version of secret ${secret.arn}.`,
      );
    }
    useKey(kms, secret, versionId, ['kms:GenerateDataKey', 'kms:Decrypt'], call);
    const attached = secret.versions.length === 0 ? [...new Set([...stages, 'AWSCURRENT'])] : [...stages];
    const version: SecretVersion = { versionId, value, stages: [], createdDate: call.now };
    relabel(secret, [...secret.versions, version], versionId, attached, call, {});
    return { ...version, stages: attached };
  }

  function relabel(
    secret: Secret,
    versions: readonly SecretVersion[],
    versionId: string,
    stages: readonly string[],
    call: OperationCall,
    changes: Partial<Secret>,
  ): void {
    const before = new Map(
      secret.versions.flatMap(({ versionId: id, stages: all }) => all.map((one) => [one, id])),
    );
    store.set({
      ...secret,
      ...changes,
      versions: moveStages(versions, versionId, stages),
      lastChangedDate: call.now,
    });
    for (const label of stages) {
      if (label === 'AWSPENDING' || label === 'AWSPREVIOUS' || before.get(label) === versionId) continue;
      parts.emit(labelUpdated(secret, label, versionId, call));
    }
  }

  function labelUpdated(
    secret: Secret,
    label: string,
    versionId: string,
    call: OperationCall,
  ): SecretLabelUpdatedEvent {
    return {
      version: '0',
      id: randomUUID(),
      'detail-type': 'Secret Label Updated',
      source: 'aws.secretsmanager',
      account: store.place.accountId,
      time: call.now.toISOString().replace(/\.\d+Z$/, 'Z'),
      region: store.place.region,
      resources: [secret.arn],
      detail: { name: secret.name, labelUpdated: label, versionId },
    };
  }
}

function checkMove(secret: Secret, stage: string, to: string | undefined, from: string | undefined): void {
  const holder = secret.versions.find((version) => version.stages.includes(stage))?.versionId;
  if (to === undefined && from === undefined) {
    throw invalidParameter('You must provide a value for either MoveToVersionId or RemoveFromVersionId.');
  }
  if (from !== undefined) versionOf(secret, from);
  if (to === undefined && stage === 'AWSCURRENT') {
    throw invalidParameter(
      "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
    );
  }
  if (holder !== undefined && holder !== to && from === undefined) {
    throw invalidParameter(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  if (from !== undefined && from !== holder) {
    throw invalidParameter(
      `Staging label ${stage} is not currently attached to version ${from}, so it can't be removed from it.`,
    );
  }
}

function versionOf(secret: Secret, versionId: string): SecretVersion {
  const version = secret.versions.find((candidate) => candidate.versionId === versionId);
  if (version) return version;
  throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret version.");
}

function secretValueOf(input: JsonObject): SecretValue | undefined {
  const text = optionalString(input, 'SecretString');
  const binary = optionalString(input, 'SecretBinary');
  if (text !== undefined && binary !== undefined) {
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  }
  const value = text ?? binary;
  if (value !== undefined && Buffer.byteLength(value) > maxValueBytes) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to ${maxValueBytes}`,
    );
  }
  if (text !== undefined) return { SecretString: text };
  return binary === undefined ? undefined : { SecretBinary: binary };
}

function versionIdOf(input: JsonObject): string {
  const token = optionalString(input, 'ClientRequestToken') ?? randomUUID();
  if (token.length < 32 || token.length > 64) {
    throw invalidParameter('ClientRequestToken must be 32-64 characters long.');
  }
  return token;
}

function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}
