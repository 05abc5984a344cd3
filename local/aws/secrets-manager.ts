import { randomBytes, randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import type { Kms } from './kms.ts';
import type { Lambda } from './lambda.ts';
import { type Operation, type OperationCall, operation, type Place } from './operation.ts';

const MAX_VALUE_BYTES = 65_536;

interface SecretVersion {
  readonly versionId: string;
  /** Undefined: a rotation began, and has stored nothing yet. */
  readonly value: string | undefined;
  readonly stages: readonly string[];
  readonly createdDate: Date;
}

/** A secret with its versions, oldest first. */
interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly kmsKeyId: string | undefined;
  readonly versions: readonly SecretVersion[];
  readonly createdDate: Date;
  /** The function that rotates it. */
  readonly rotatedBy?: string;
}

/** @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
const ROTATION_STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];

const SecretId = z.string().min(1).max(2048);
const versionId = z.string().min(32).max(64);
const stage = z.string().min(1).max(256);

const newVersion = {
  SecretString: z.string().min(1).max(MAX_VALUE_BYTES).optional(),
  ClientRequestToken: versionId.optional(),
};

/**
 * Makes an empty Secrets Manager, with the operations that the function and the runbook call.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export function createSecretsManager(place: Place, kms: Kms, lambda: Lambda) {
  const secrets = new Map<string, Secret>();
  const listeners: ((event: object) => void)[] = [];
  let rotations: Promise<unknown> = Promise.resolve();
  const store = (secret: Secret) => void secrets.set(secret.name, secret);

  const operations: Record<string, Operation> = {
    CreateSecret: operation(
      { ...newVersion, Name: z.string().min(1).max(512), KmsKeyId: z.string().max(2048).optional() },
      (input, call) => {
        const { Name: name, SecretString: value, KmsKeyId: kmsKeyId } = input;
        const arn = `${unresolvedArn(place, name)}-${randomBytes(3).toString('hex')}`;
        const context = { 'secretsmanager:Name': name };
        call.authorize({ action: 'secretsmanager:CreateSecret', resource: arn, context });
        const secret = { arn, name, kmsKeyId, versions: [], createdDate: call.now };
        store(secret);
        if (value === undefined) return { ARN: arn, Name: name };
        const { VersionId } = putValue(secret, { ...input, SecretString: value }, call);
        return { ARN: arn, Name: name, VersionId };
      },
    ),

    PutSecretValue: operation(
      {
        ...newVersion,
        SecretString: newVersion.SecretString.unwrap(),
        SecretId,
        VersionStages: z.array(stage).min(1).max(20).optional(),
      },
      (input, call) => putValue(access('PutSecretValue', input, call), input, call),
    ),

    UpdateSecretVersionStage: operation(
      {
        SecretId,
        VersionStage: stage,
        MoveToVersionId: versionId.optional(),
        RemoveFromVersionId: versionId.optional(),
      },
      (input, call) => {
        const { VersionStage: stage, MoveToVersionId: to, RemoveFromVersionId: from } = input;
        const context = { 'secretsmanager:VersionStage': stage };
        const secret = access('UpdateSecretVersionStage', input, call, context);
        const { versions } = secret;
        if ([to, from].some((id) => id && !versions.some(({ versionId }) => versionId === id)))
          throw notFound("Secrets Manager can't find the specified secret version.");
        const holder = versions.find(({ stages }) => stages.includes(stage))?.versionId;
        if (holder !== undefined && holder !== to && holder !== from) {
          throw new AwsError(
            'InvalidParameterException',
            `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
          );
        }
        relabel(secret, to, [stage], call);
        return { ARN: secret.arn, Name: secret.name };
      },
    ),

    GetSecretValue: operation(
      { SecretId, VersionId: versionId.optional(), VersionStage: stage.optional() },
      (input, call) => {
        const { VersionId: id, VersionStage: stage = id === undefined ? 'AWSCURRENT' : undefined } = input;
        const context = {
          ...(id && { 'secretsmanager:VersionId': id }),
          'secretsmanager:VersionStage': stage ?? 'AWSCURRENT',
        };
        const secret = access('GetSecretValue', input, call, context);
        const version = secret.versions.find(
          ({ versionId, stages }) =>
            [versionId, undefined].includes(id) && (!stage || stages.includes(stage)),
        );
        if (version?.value === undefined) {
          const what = id === undefined ? `staging label: ${stage}` : `VersionId: ${id}`;
          throw notFound(`Secrets Manager can't find the specified secret value for ${what}`);
        }
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

    DescribeSecret: operation({ SecretId }, (input, call) => {
      const secret = access('DescribeSecret', input, call);
      return {
        ARN: secret.arn,
        Name: secret.name,
        KmsKeyId: secret.kmsKeyId,
        CreatedDate: epochSeconds(secret.createdDate),
        ...(secret.rotatedBy && { RotationEnabled: true, RotationLambdaARN: secret.rotatedBy }),
        VersionIdsToStages: Object.fromEntries(
          labelledVersions(secret).map(({ versionId, stages }) => [versionId, stages]),
        ),
      };
    }),

    ListSecretVersionIds: operation({ SecretId }, (input, call) => {
      const secret = access('ListSecretVersionIds', input, call);
      return {
        ARN: secret.arn,
        Name: secret.name,
        Versions: labelledVersions(secret).map(({ versionId, stages }) => ({
          VersionId: versionId,
          VersionStages: stages,
        })),
      };
    }),

    RotateSecret: operation(
      {
        SecretId,
        ClientRequestToken: versionId.optional(),
        RotationLambdaARN: z.string().max(2048).optional(),
        RotateImmediately: z.boolean().default(true),
      },
      (input, call) => {
        const found = access('RotateSecret', input, call);
        const { RotationLambdaARN: rotatedBy = found.rotatedBy } = input;
        if (rotatedBy === undefined)
          throw invalidRequest('No Lambda rotation function ARN is associated with this secret.');
        const secret = { ...found, rotatedBy };
        store(secret);
        const unfinished = secret.versions.find(
          ({ stages }) => stages.includes('AWSPENDING') && !stages.includes('AWSCURRENT'),
        );
        if (unfinished !== undefined) {
          startRotation(secret, unfinished.versionId, ROTATION_STEPS);
          throw invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.");
        }
        const { ClientRequestToken: versionId = randomUUID() } = input;
        if (input.RotateImmediately) {
          const empty = { versionId, value: undefined, stages: [], createdDate: call.now };
          const versions = moveStages([...secret.versions, empty], versionId, ['AWSPENDING']);
          store({ ...secret, versions });
        }
        startRotation(secret, versionId, input.RotateImmediately ? ROTATION_STEPS : ['testSecret']);
        return { ARN: secret.arn, Name: secret.name, VersionId: versionId };
      },
    ),
  };

  return {
    operations,
    /** Calls the listener for each `Secret Label Updated` event. */
    onSecretLabelUpdated: (listener: (event: object) => void) => void listeners.push(listener),
    /** Resolves when every rotation has ended, or has failed. */
    rotated: () => rotations,
  };

  /** Finds the secret of a request after checking the permission for it. @throws AwsError `ResourceNotFoundException` */
  function access(
    action: string,
    { SecretId: id }: { readonly SecretId: string },
    call: OperationCall,
    context?: Record<string, string>,
  ): Secret {
    // By name, complete ARN, or ARN without the random suffix.
    const found = [...secrets.values()].find(
      ({ arn, name }) => [arn, name].includes(id) || arn.slice(0, -'-abcdef'.length) === id,
    );
    const resource = found?.arn ?? unresolvedArn(place, id);
    call.authorize({ action: `secretsmanager:${action}`, resource, ...(context && { context }) });
    if (found === undefined) throw notFound("Secrets Manager can't find the specified secret.");
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

  function putValue(
    secret: Secret,
    input: {
      readonly SecretString: string;
      readonly ClientRequestToken?: string | undefined;
      readonly VersionStages?: readonly string[] | undefined;
    },
    call: OperationCall,
  ) {
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
    const version = { versionId, stages: [], createdDate: call.now, ...same, value };
    const versions = [...secret.versions.filter((one) => one !== same), version];
    relabel({ ...secret, versions }, versionId, stages, call);
    return { ARN: secret.arn, Name: secret.name, VersionId: versionId, VersionStages: stages };
  }

  /**
   * Moves labels to a version, or to none, stores the secret, and sends the events of the labels that moved.
   *
   * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
   */
  function relabel(
    secret: Secret,
    versionId: string | undefined,
    stages: readonly string[],
    call: OperationCall,
  ): void {
    const { arn, name, versions } = secret;
    store({ ...secret, versions: moveStages(versions, versionId, stages) });
    const wasThere = versions.find((one) => one.versionId === versionId)?.stages.includes('AWSCURRENT');
    if (versionId === undefined || wasThere || !stages.includes('AWSCURRENT')) return;
    const event = {
      version: '0',
      id: randomUUID(),
      'detail-type': 'Secret Label Updated',
      source: 'aws.secretsmanager',
      account: place.accountId,
      time: call.now.toISOString().replace(/\.\d+Z$/, 'Z'),
      region: place.region,
      resources: [arn],
      detail: { name, labelUpdated: 'AWSCURRENT', versionId },
    };
    for (const listener of listeners) listener(event);
  }

  /** Rotates a secret: one step after the other, until one fails. */
  function startRotation(
    { arn: SecretId, rotatedBy = '' }: Secret,
    token: string,
    steps: readonly string[],
  ): void {
    const run = async () => {
      // RotateSecret answers first.
      await setImmediate();
      for (const Step of steps) {
        const event = { Step, SecretId, ClientRequestToken: token };
        if ('failure' in (await lambda.invokeForService(rotatedBy, event))) return;
      }
    };
    rotations = Promise.all([rotations, run()]);
  }
}

/** The ARN that policies are evaluated against when there is no such secret: the name without a suffix. */
function unresolvedArn({ region, accountId }: Place, id: string): string {
  return id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${region}:${accountId}:secret:${id}`;
}

/**
 * Moves staging labels to a version, or to none, the way Secrets Manager does: a label is on one version at a time, and
 * AWSPREVIOUS follows AWSCURRENT to the version that AWSCURRENT left.
 */
function moveStages(
  versions: readonly SecretVersion[],
  versionId: string | undefined,
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

function labelledVersions({ versions }: Secret): readonly SecretVersion[] {
  return versions.filter(({ stages }) => stages.length > 0);
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
