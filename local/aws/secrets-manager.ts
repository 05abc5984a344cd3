import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import type { Kms } from './kms.ts';
import { createNamedItems, type Operation, type OperationCall, operation, type Place } from './operation.ts';

const DAY_MS = 86_400_000;
const MAX_VALUE_BYTES = 65_536;

/** One version. It is never changed in place, so that a snapshot of the store does not change. */
export interface SecretVersion {
  readonly versionId: string;
  /** Undefined: a rotation began, and has stored nothing yet. */
  readonly value: string | undefined;
  readonly stages: readonly string[];
  readonly createdDate: Date;
}

/** A secret with its versions, oldest first. */
export interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly kmsKeyId: string | undefined;
  readonly versions: readonly SecretVersion[];
  readonly createdDate: Date;
  readonly deletedDate?: Date;
  readonly rotation?: Rotation;
}

/** How a secret is rotated. */
interface Rotation {
  readonly isEnabled: boolean;
  readonly functionArn: string;
  readonly everyDays: number | undefined;
}

/** A rotation that Secrets Manager begins, or one that it tries again: the steps that its function is invoked with. */
export interface RotationRequest {
  readonly secretArn: string;
  readonly functionArn: string;
  readonly token: string;
  readonly steps: readonly string[];
}

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

/** Secrets Manager: its state for tests to look at, its events, and its operations for the wire. */
export interface SecretsManager {
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Calls the listener for each `Secret Label Updated` event. */
  onSecretLabelUpdated(listener: (event: SecretLabelUpdatedEvent) => void): void;
  /** Calls the listener for each rotation that is to run. */
  onRotation(listener: (request: RotationRequest) => void): void;
}

/** @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
const ROTATION_STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];

const secretId = z.string().min(1).max(2048);
const versionId = z.string().min(32).max(64);
const stage = z.string().min(1).max(256);

const newVersion = {
  SecretString: z.string().min(1).max(MAX_VALUE_BYTES).optional(),
  ClientRequestToken: versionId.optional(),
};

/**
 * Makes an empty Secrets Manager, with the operations that the function, the jobs and the runbook call.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export function createSecretsManager(place: Place, kms: Kms): SecretsManager {
  const store = createNamedItems<Secret>();
  const listeners: ((event: SecretLabelUpdatedEvent) => void)[] = [];
  const rotators: ((request: RotationRequest) => void)[] = [];

  const operations: Record<string, Operation> = {
    CreateSecret: operation(
      {
        ...newVersion,
        Name: z.string().min(1).max(512),
        KmsKeyId: z.string().max(2048).optional(),
      },
      (input, call) => {
        const { Name: name } = input;
        const existing = store.items().get(name);
        const arn = existing?.arn ?? `${unresolvedArn(place, name)}-${randomSuffix()}`;
        const context = { 'secretsmanager:Name': name };
        call.authorize({ action: 'secretsmanager:CreateSecret', resource: arn, context });
        if (existing?.deletedDate) {
          throw invalidRequest(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
          );
        }
        if (existing) {
          throw new AwsError(
            'ResourceExistsException',
            `The operation failed because the secret ${name} already exists.`,
          );
        }
        const secret: Secret = {
          arn,
          name,
          kmsKeyId: input.KmsKeyId,
          versions: [],
          createdDate: call.now,
        };
        const { SecretString: value } = input;
        if (value === undefined) {
          store.set(secret);
          return { ARN: arn, Name: name };
        }
        const versionId = randomUUID();
        useKey(secret, versionId, ['kms:GenerateDataKey', 'kms:Decrypt'], call);
        const version = { versionId, value, stages: ['AWSCURRENT'], createdDate: call.now };
        store.set({ ...secret, versions: [version] });
        return { ARN: arn, Name: name, VersionId: versionId };
      },
    ),

    PutSecretValue: operation(
      {
        ...newVersion,
        SecretString: newVersion.SecretString.unwrap(),
        SecretId: secretId,
        VersionStages: z.array(stage).min(1).max(20).optional(),
      },
      (input, call) => {
        const secret = access('PutSecretValue', input, call);
        const { SecretString: value, ClientRequestToken: versionId = randomUUID() } = input;
        useKey(secret, versionId, ['kms:GenerateDataKey', 'kms:Decrypt'], call);
        const same = secret.versions.find((one) => one.versionId === versionId);
        if (same?.value !== undefined && same.value !== value) {
          throw new AwsError(
            'ResourceExistsException',
            `You can't use ClientRequestToken ${versionId} because that value is already in use for a version of secret ${secret.arn}.`,
          );
        }
        const asked = input.VersionStages ?? ['AWSCURRENT'];
        const stages = secret.versions.length === 0 ? [...new Set([...asked, 'AWSCURRENT'])] : asked;
        const version: SecretVersion = { versionId, value, stages: [], createdDate: call.now };
        const others = secret.versions.filter((one) => one !== same);
        relabel(
          { ...secret, versions: [...others, { ...version, ...same, value }] },
          versionId,
          stages,
          call,
        );
        return { ARN: secret.arn, Name: secret.name, VersionId: versionId, VersionStages: stages };
      },
    ),

    UpdateSecretVersionStage: operation(
      {
        SecretId: secretId,
        VersionStage: stage,
        MoveToVersionId: versionId.optional(),
        RemoveFromVersionId: versionId.optional(),
      },
      (input, call) => {
        const { VersionStage: stage, MoveToVersionId: to, RemoveFromVersionId: from } = input;
        const context = { 'secretsmanager:VersionStage': stage };
        const secret = access('UpdateSecretVersionStage', input, call, { context });
        checkMove(secret, stage, to, from);
        if (to !== undefined) relabel(secret, to, [stage], call);
        else store.set({ ...secret, versions: withoutStage(secret.versions, stage) });
        return { ARN: secret.arn, Name: secret.name };
      },
    ),

    GetSecretValue: operation(
      { SecretId: secretId, VersionId: versionId.optional(), VersionStage: stage.optional() },
      (input, call) => {
        const { VersionId: id, VersionStage: stage } = input;
        const context = {
          ...(id === undefined ? {} : { 'secretsmanager:VersionId': id }),
          'secretsmanager:VersionStage': stage ?? 'AWSCURRENT',
        };
        const secret = access('GetSecretValue', input, call, { context });
        const version = findVersion(secret, id, stage);
        useKey(secret, version.versionId, ['kms:Decrypt'], call);
        return {
          ARN: secret.arn,
          Name: secret.name,
          VersionId: version.versionId,
          SecretString: version.value,
          VersionStages: version.stages,
          CreatedDate: epochSeconds(version.createdDate),
        };
      },
    ),

    DescribeSecret: operation({ SecretId: secretId }, (input, call) => {
      const secret = access('DescribeSecret', input, call, { isDeletedFound: true });
      return {
        ARN: secret.arn,
        Name: secret.name,
        KmsKeyId: secret.kmsKeyId,
        CreatedDate: epochSeconds(secret.createdDate),
        ...(secret.deletedDate && { DeletedDate: epochSeconds(secret.deletedDate) }),
        ...(secret.rotation && {
          RotationEnabled: secret.rotation.isEnabled,
          RotationLambdaARN: secret.rotation.functionArn,
          RotationRules: { AutomaticallyAfterDays: secret.rotation.everyDays },
        }),
        VersionIdsToStages: Object.fromEntries(
          labelledVersions(secret).map(({ versionId, stages }) => [versionId, stages]),
        ),
      };
    }),

    ListSecretVersionIds: operation({ SecretId: secretId }, (input, call) => {
      const secret = access('ListSecretVersionIds', input, call, { isDeletedFound: true });
      return {
        ARN: secret.arn,
        Name: secret.name,
        Versions: labelledVersions(secret).map(({ versionId, stages, createdDate }) => ({
          VersionId: versionId,
          VersionStages: stages,
          CreatedDate: epochSeconds(createdDate),
        })),
      };
    }),

    DeleteSecret: operation(
      {
        SecretId: secretId,
        RecoveryWindowInDays: z.int().min(7).max(30).default(30),
      },
      (input, call) => {
        const secret = access('DeleteSecret', input, call, { isDeletedFound: true });
        const deletedDate = new Date(call.now.getTime() + input.RecoveryWindowInDays * DAY_MS);
        store.set({ ...secret, deletedDate });
        return { ARN: secret.arn, Name: secret.name, DeletionDate: epochSeconds(deletedDate) };
      },
    ),

    RotateSecret: operation(
      {
        SecretId: secretId,
        ClientRequestToken: versionId.optional(),
        RotationLambdaARN: z.string().max(2048).optional(),
        RotationRules: z.strictObject({ AutomaticallyAfterDays: z.int().min(1).max(1000) }).optional(),
        RotateImmediately: z.boolean().default(true),
      },
      (input, call) => {
        const secret = access('RotateSecret', input, call);
        const { functionArn = input.RotationLambdaARN, everyDays } = secret.rotation ?? {};
        if (functionArn === undefined) {
          throw invalidRequest('No Lambda rotation function ARN is associated with this secret.');
        }
        const rotation = {
          isEnabled: true,
          functionArn: input.RotationLambdaARN ?? functionArn,
          everyDays: input.RotationRules?.AutomaticallyAfterDays ?? everyDays,
        };
        const start = (token: string, steps: readonly string[]) => {
          const request = { secretArn: secret.arn, functionArn: rotation.functionArn, token, steps };
          for (const rotator of rotators) rotator(request);
        };
        const unfinished = secret.versions.find(
          ({ stages }) => stages.includes('AWSPENDING') && !stages.includes('AWSCURRENT'),
        );
        if (unfinished !== undefined) {
          store.set({ ...secret, rotation });
          start(unfinished.versionId, ROTATION_STEPS);
          throw invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.");
        }
        const { ClientRequestToken: versionId = randomUUID() } = input;
        const isTest = !input.RotateImmediately;
        const empty: SecretVersion = { versionId, value: undefined, stages: [], createdDate: call.now };
        const versions = isTest
          ? secret.versions
          : moveStages([...secret.versions, empty], versionId, ['AWSPENDING']);
        store.set({ ...secret, rotation, versions });
        start(versionId, isTest ? ['testSecret'] : ROTATION_STEPS);
        return { ARN: secret.arn, Name: secret.name, VersionId: versionId };
      },
    ),

    CancelRotateSecret: operation({ SecretId: secretId }, (input, call) => {
      const secret = access('CancelRotateSecret', input, call);
      const { rotation } = secret;
      if (rotation !== undefined) store.set({ ...secret, rotation: { ...rotation, isEnabled: false } });
      return { ARN: secret.arn, Name: secret.name };
    }),

    RestoreSecret: operation({ SecretId: secretId }, (input, call) => {
      const { deletedDate: _, ...secret } = access('RestoreSecret', input, call, { isDeletedFound: true });
      store.set({ ...secret });
      return { ARN: secret.arn, Name: secret.name };
    }),
  };

  return {
    get secrets() {
      return store.items();
    },
    operations,
    onSecretLabelUpdated: (listener) => void listeners.push(listener),
    onRotation: (listener) => void rotators.push(listener),
  };

  /**
   * Finds the secret of a request after checking the permission for it.
   *
   * @throws AwsError `ResourceNotFoundException`, or `InvalidRequestException` for one that is marked for deletion
   */
  function access(
    action: string,
    { SecretId }: { readonly SecretId: string },
    call: OperationCall,
    options: { readonly context?: Record<string, string>; readonly isDeletedFound?: boolean } = {},
  ): Secret {
    const found = findSecret([...store.view(call).values()], SecretId);
    call.authorize({
      action: `secretsmanager:${action}`,
      resource: found?.arn ?? unresolvedArn(place, SecretId),
      context: { 'secretsmanager:SecretId': SecretId, ...options.context },
    });
    if (found === undefined) throw notFound("Secrets Manager can't find the specified secret.");
    if (found.deletedDate && !options.isDeletedFound) {
      throw invalidRequest(
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return found;
  }

  /** Checks that the caller may use the key of a secret. The default key needs no permission. */
  function useKey(secret: Secret, versionId: string, actions: readonly string[], call: OperationCall): void {
    kms.use({
      actions,
      keyId: secret.kmsKeyId ?? 'alias/aws/secretsmanager',
      service: 'secretsmanager',
      encryptionContext: { SecretARN: secret.arn, SecretVersionId: versionId },
      unusable: actions.includes('kms:GenerateDataKey') ? 'EncryptionFailure' : 'DecryptionFailure',
      call,
    });
  }

  /** Moves labels to a version, stores the secret, and sends the events of the labels that moved. */
  function relabel(secret: Secret, versionId: string, stages: readonly string[], call: OperationCall): void {
    const wasOn = new Map(
      secret.versions.flatMap((one) => one.stages.map((stage) => [stage, one.versionId])),
    );
    const versions = moveStages(secret.versions, versionId, stages);
    store.set({ ...secret, versions });
    for (const label of stages) {
      if (label === 'AWSPENDING' || label === 'AWSPREVIOUS' || wasOn.get(label) === versionId) continue;
      const event: SecretLabelUpdatedEvent = {
        version: '0',
        id: randomUUID(),
        'detail-type': 'Secret Label Updated',
        source: 'aws.secretsmanager',
        account: place.accountId,
        time: call.now.toISOString().replace(/\.\d+Z$/, 'Z'),
        region: place.region,
        resources: [secret.arn],
        detail: { name: secret.name, labelUpdated: label, versionId },
      };
      for (const listener of listeners) listener(event);
    }
  }
}

/** The ARN that policies are evaluated against when there is no such secret: the name without a suffix. */
export function unresolvedArn({ region, accountId }: Place, secretId: string): string {
  return secretId.startsWith('arn:')
    ? secretId
    : `arn:aws:secretsmanager:${region}:${accountId}:secret:${secretId}`;
}

/** Finds a secret by name, complete ARN, or ARN without the random suffix. */
function findSecret(secrets: readonly Secret[], id: string): Secret | undefined {
  return (
    secrets.find(({ arn, name }) => arn === id || name === id) ??
    secrets.find(({ arn }) => arn.slice(0, -'-abcdef'.length) === id)
  );
}

/**
 * Moves staging labels to a version the way Secrets Manager does: a label is on one version at a time, and
 * AWSPREVIOUS follows AWSCURRENT to the version that AWSCURRENT left.
 */
function moveStages(
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
function findVersion({ versions }: Secret, id: string | undefined, stage: string | undefined): SecretVersion {
  const wanted = stage ?? 'AWSCURRENT';
  const version = versions.find(({ versionId, stages }) =>
    id === undefined ? stages.includes(wanted) : versionId === id,
  );
  if (version?.value === undefined) {
    const what = id === undefined ? `staging label: ${wanted}` : `VersionId: ${id}`;
    throw notFound(`Secrets Manager can't find the specified secret value for ${what}`);
  }
  if (stage !== undefined && !version.stages.includes(stage)) {
    throw invalidRequest('You provided a VersionStage that is not associated to the provided VersionId.');
  }
  return version;
}

function withoutStage(versions: readonly SecretVersion[], stage: string): SecretVersion[] {
  return versions.map((version) => ({ ...version, stages: version.stages.filter((one) => one !== stage) }));
}

function checkMove(secret: Secret, stage: string, to: string | undefined, from: string | undefined): void {
  const holder = secret.versions.find((version) => version.stages.includes(stage))?.versionId;
  for (const id of [to, from]) if (id !== undefined) versionOf(secret, id);
  if (holder !== undefined && holder !== to && holder !== from) {
    throw invalidParameter(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
}

function versionOf(secret: Secret, id: string): SecretVersion {
  const version = secret.versions.find(({ versionId }) => versionId === id);
  if (version) return version;
  throw notFound("Secrets Manager can't find the specified secret version.");
}

function labelledVersions({ versions }: Secret): readonly SecretVersion[] {
  return versions.filter(({ stages }) => stages.length > 0);
}

function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}

function invalidRequest(message: string): AwsError {
  return new AwsError('InvalidRequestException', message);
}

function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message);
}

/** Writes a date as AWS JSON does: seconds since 1970, with milliseconds as the fraction. */
function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}

function randomSuffix(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return [...randomBytes(6)].map((byte) => letters[byte % letters.length]).join('');
}
