import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AwsError, constraintError, validationError } from './aws-error.ts';
import type { Kms } from './kms.ts';
import {
  createNamedItems,
  type JsonObject,
  type Operation,
  type OperationCall,
  operation,
  type Place,
  tagList,
} from './operation.ts';

const MAX_VERSIONS = 100;
const STANDARD_BYTES = 4096;
const ADVANCED_BYTES = 8192;

const parameterType = z.enum(['String', 'StringList', 'SecureString']);
const parameterTier = z.enum(['Standard', 'Advanced', 'Intelligent-Tiering']);
const withDecryption = z.boolean().default(false);
const parameterName = z.string().min(1).max(2048);
const names = z.array(parameterName).min(1).max(10);

/** One stored version. It is never changed in place, so that a snapshot of the store does not change. */
export interface ParameterVersion {
  readonly version: number;
  readonly type: z.output<typeof parameterType>;
  readonly value: string;
  readonly tier: 'Standard' | 'Advanced';
  /** ARN or alias of the KMS key, SecureString only. */
  readonly keyId: string | undefined;
  readonly labels: readonly string[];
  readonly lastModifiedDate: Date;
}

/** A parameter with its kept versions, oldest first; there is always one. */
export interface Parameter {
  readonly name: string;
  readonly versions: readonly ParameterVersion[];
  readonly tags: ReadonlyMap<string, string>;
}

/** Parameter Store: its state for tests to look at, and its operations for the wire. */
export interface Ssm {
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Of the account. */
  readonly quota: { standardParameters: number };
  readonly operations: Readonly<Record<string, Operation>>;
}

interface FoundVersion {
  readonly name: string;
  readonly version: ParameterVersion;
  readonly selector?: string;
}

/**
 * Makes an empty Parameter Store, with the operations that the function, the jobs and the runbook call.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
export function createSsm(place: Place, kms: Kms): Ssm {
  const store = createNamedItems<Parameter>();
  const ciphertextKey = randomBytes(32);
  const quota = { standardParameters: 10_000 };

  const operations: Record<string, Operation> = {
    PutParameter: operation(
      {
        Name: parameterName,
        Value: z.string().min(1),
        Type: parameterType.optional(),
        Tier: parameterTier.optional(),
        KeyId: z
          .string()
          .regex(/^[a-zA-Z0-9:/_-]{1,256}$/)
          .optional(),
        Overwrite: z.boolean().default(false),
        Tags: tagList,
      },
      (input, call) => {
        const { Name: name, Value: value, Overwrite: isOverwrite, Tags: tags } = input;
        const arn = parameterArn(place, name);
        const context = { 'ssm:Overwrite': String(isOverwrite), ...requestTags(tags) };
        call.authorize({ action: 'ssm:PutParameter', resource: arn, context });
        if (tags.size > 0)
          call.authorize({ action: 'ssm:AddTagsToResource', resource: arn, context: requestTags(tags) });
        if (isOverwrite && tags.size > 0) {
          throw validationError(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
          );
        }
        const existing = store.items().get(name);
        const latest = existing && latestOf(existing);
        const type = input.Type ?? latest?.type;
        if (type === undefined)
          throw validationError('A parameter type is required when you create a parameter.');
        if (existing && !isOverwrite) {
          throw new AwsError(
            'ParameterAlreadyExists',
            'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
          );
        }
        // As the documentation says. Terraform's acceptance tests show AWS accepting another type.
        if (latest && latest.type !== type)
          throw new AwsError('HierarchyTypeMismatchException', `${name} is a ${latest.type}.`);
        const isFull =
          !latest && [...store.items().values()].filter(isStandard).length >= quota.standardParameters;
        const tier = tierOf(input.Tier, Buffer.byteLength(value), latest, isFull);
        const keyId = type === 'SecureString' ? (input.KeyId ?? 'alias/aws/ssm') : undefined;
        const kept = existing ? withoutOldest(existing) : [];
        // An advanced parameter has envelope encryption: its data key needs a second permission.
        const actions = tier === 'Advanced' ? ['kms:GenerateDataKey', 'kms:Encrypt'] : ['kms:Encrypt'];
        if (keyId) useKey(arn, keyId, actions, call);
        const version: ParameterVersion = {
          version: (latest?.version ?? 0) + 1,
          type,
          value,
          tier,
          keyId,
          labels: [],
          lastModifiedDate: call.now,
        };
        store.set({ name, versions: [...kept, version], tags: existing?.tags ?? tags });
        return { Version: version.version, Tier: tier };
      },
    ),

    GetParameter: operation({ Name: parameterName, WithDecryption: withDecryption }, (input, call) => {
      authorize('GetParameter', [input.Name], call);
      return { Parameter: describe(findVersion(input.Name, call), input.WithDecryption, call) };
    }),

    GetParameters: operation({ Names: names, WithDecryption: withDecryption }, (input, call) => {
      authorize('GetParameters', input.Names, call);
      const found: FoundVersion[] = [];
      const invalid: string[] = [];
      for (const name of new Set(input.Names)) {
        try {
          found.push(findVersion(name, call));
        } catch {
          invalid.push(name);
        }
      }
      found.sort((a, b) => (a.name < b.name ? -1 : 1));
      return {
        Parameters: found.map((one) => describe(one, input.WithDecryption, call)),
        InvalidParameters: invalid,
      };
    }),

    GetParametersByPath: operation(
      { Path: z.string(), Recursive: z.literal(true), WithDecryption: withDecryption },
      (input, call) => {
        authorize('GetParametersByPath', [input.Path], call);
        const found = [...store.view(call).keys()].filter((name) => name.startsWith(`${input.Path}/`));
        return {
          Parameters: found.map((name) => describe(findVersion(name, call), input.WithDecryption, call)),
        };
      },
    ),

    GetParameterHistory: operation({ Name: parameterName, WithDecryption: withDecryption }, (input, call) => {
      authorize('GetParameterHistory', [input.Name], call);
      const { name, versions } = existingParameter(input.Name, call);
      return {
        Parameters: versions.map((version) => {
          const { ARN: _, ...described } = describe({ name, version }, input.WithDecryption, call);
          return { ...described, Labels: version.labels };
        }),
      };
    }),

    DeleteParameter: operation({ Name: parameterName }, ({ Name }, call) => {
      authorize('DeleteParameter', [Name], call);
      store.remove(existingParameter(Name).name);
      return {};
    }),

    DeleteParameters: operation({ Names: names }, ({ Names }, call) => {
      authorize('DeleteParameters', Names, call);
      const deleted = Names.filter((name) => store.items().has(name));
      for (const name of deleted) store.remove(name);
      return {
        DeletedParameters: deleted,
        InvalidParameters: Names.filter((name) => !deleted.includes(name)),
      };
    }),

    LabelParameterVersion: operation(
      {
        Name: parameterName,
        ParameterVersion: z.int().optional(),
        Labels: z.array(z.string().min(1).max(100)).length(1),
      },
      (input, call) => {
        authorize('LabelParameterVersion', [input.Name], call);
        const parameter = existingParameter(input.Name);
        const target = input.ParameterVersion ?? latestOf(parameter).version;
        selectVersion(parameter, String(target));
        const versions = parameter.versions.map((version) => {
          const others = version.labels.filter((label) => !input.Labels.includes(label));
          return { ...version, labels: version.version === target ? [...others, ...input.Labels] : others };
        });
        store.set({ ...parameter, versions });
        return { InvalidLabels: [], ParameterVersion: target };
      },
    ),

    AddTagsToResource: operation(
      { ResourceType: z.literal('Parameter'), ResourceId: z.string(), Tags: tagList },
      ({ ResourceId, Tags }, call) => {
        if (Tags.size === 0) throw constraintError('tags', 'Member must not be null');
        const resource = parameterArn(place, ResourceId);
        call.authorize({ action: 'ssm:AddTagsToResource', resource, context: requestTags(Tags) });
        const parameter = store.items().get(ResourceId);
        if (parameter === undefined) throw new AwsError('InvalidResourceId');
        const tags = new Map([...parameter.tags, ...Tags]);
        store.set({ ...parameter, tags });
        return {};
      },
    ),
  };

  return {
    quota,
    get parameters() {
      return store.items();
    },
    operations,
  };

  /** Checks one permission for every name of a request, each on its own ARN. */
  function authorize(action: string, references: readonly string[], call: OperationCall): void {
    for (const reference of new Set(references)) {
      const resource = parameterArn(place, parseReference(reference).name);
      call.authorize({ action: `ssm:${action}`, resource });
    }
  }

  /** @throws AwsError `ParameterNotFound` */
  function existingParameter(reference: string, view = { stale: false }): Parameter {
    const parameter = store.view(view).get(parseReference(reference).name);
    if (parameter === undefined) throw new AwsError('ParameterNotFound');
    return parameter;
  }

  /** @throws AwsError `ParameterNotFound` or `ParameterVersionNotFound` */
  function findVersion(reference: string, call: OperationCall): FoundVersion {
    const parameter = existingParameter(reference, call);
    const { name, selector } = parseReference(reference);
    const version = selector === undefined ? latestOf(parameter) : selectVersion(parameter, selector);
    return { name, version, ...(selector !== undefined && { selector }) };
  }

  function useKey(arn: string, keyId: string, actions: readonly string[], call: OperationCall): void {
    kms.use({
      actions,
      keyId,
      service: 'ssm',
      encryptionContext: { PARAMETER_ARN: arn },
      unusable: 'InvalidKeyId',
      call,
    });
  }

  function describe(
    { name, version, selector }: FoundVersion,
    decrypt: boolean,
    call: OperationCall,
  ): JsonObject {
    const arn = parameterArn(place, name);
    if (version.keyId && decrypt) useKey(arn, version.keyId, ['kms:Decrypt'], call);
    return {
      Name: name,
      Type: version.type,
      Value: version.keyId && !decrypt ? ciphertext(name, version) : version.value,
      Version: version.version,
      ...(selector !== undefined && { Selector: `:${selector}` }),
      LastModifiedDate: version.lastModifiedDate.getTime() / 1000,
      ARN: arn,
      DataType: 'text',
    };
  }

  /** Looks like a KMS ciphertext, and contains nothing of the value. */
  function ciphertext(name: string, { version, value }: ParameterVersion): string {
    const digest = createHmac('sha512', ciphertextKey).update(`${name}\n${version}`).digest();
    const blocks = Math.ceil(Buffer.byteLength(value) / digest.length) + 2;
    return `AQICAHh${Buffer.concat(Array(blocks).fill(digest)).toString('base64')}`;
  }
}

function latestOf({ versions }: Parameter): ParameterVersion {
  return versions.at(-1) as ParameterVersion;
}

/** @throws AwsError `ParameterVersionNotFound` */
function selectVersion({ name, versions }: Parameter, selector: string): ParameterVersion {
  const isNumber = /^\d+$/.test(selector);
  const found = versions.find(({ version, labels }) =>
    isNumber ? version === Number(selector) : labels.includes(selector),
  );
  if (found) return found;
  throw new AwsError(
    'ParameterVersionNotFound',
    isNumber
      ? `Systems Manager could not find version ${selector} of ${name}. Verify the version and try again.`
      : `Systems Manager could not find the label ${selector} for parameter ${name}. Verify the label and try again.`,
  );
}

function requestTags(tags: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...tags].map(([key, value]) => [`aws:RequestTag/${key}`, value]));
}

function isStandard({ versions }: Parameter): boolean {
  return versions.at(-1)?.tier === 'Standard';
}

function tierOf(
  asked: z.output<typeof parameterTier> | undefined,
  bytes: number,
  latest: ParameterVersion | undefined,
  isFull: boolean,
): ParameterVersion['tier'] {
  const wasAdvanced = latest?.tier === 'Advanced';
  if (bytes > ADVANCED_BYTES) {
    throw validationError(
      `Advanced tier parameters support a maximum parameter value of ${ADVANCED_BYTES} characters.`,
    );
  }
  if (asked === 'Advanced') return 'Advanced';
  if (asked === 'Intelligent-Tiering')
    return wasAdvanced || isFull || bytes > STANDARD_BYTES ? 'Advanced' : 'Standard';
  if (isFull) throw new AwsError('ParameterLimitExceeded', 'The account has its standard parameters.');
  // Without a tier in the request an advanced parameter stays one; only an explicit downgrade is refused.
  if (wasAdvanced && asked === undefined) return 'Advanced';
  if (wasAdvanced) {
    throw validationError(
      "This parameter uses the advanced-parameter tier. You can't downgrade a parameter to the standard-parameter tier.",
    );
  }
  if (bytes > STANDARD_BYTES) {
    throw validationError(
      `Standard tier parameters support a maximum parameter value of ${STANDARD_BYTES} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.`,
    );
  }
  return 'Standard';
}

/** Makes room for one more version. @throws AwsError if the oldest of 100 has a label */
function withoutOldest({ name, versions }: Parameter): readonly ParameterVersion[] {
  const [oldest] = versions;
  if (oldest === undefined || versions.length < MAX_VERSIONS) return versions;
  if (oldest.labels.length === 0) return versions.slice(1);
  throw new AwsError(
    'ParameterMaxVersionLimitExceeded',
    `You attempted to create a new version of ${name} by calling the PutParameter API with the overwrite flag. Version ${oldest.version}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.`,
  );
}

/** Gives the ARN of a parameter; a name with and without leading slash gives the same form. */
export function parameterArn(place: Place, name: string): string {
  return `arn:aws:ssm:${place.region}:${place.accountId}:parameter${name.startsWith('/') ? '' : '/'}${name}`;
}

/** Splits the reference of a read: `name`, `name:3`, `name:label`, or an ARN with or without selector. */
export function parseReference(text: string): { readonly name: string; readonly selector?: string } {
  const marker = ':parameter/';
  const local = text.startsWith('arn:') ? text.slice(text.indexOf(marker) + marker.length - 1) : text;
  const [name = '', selector] = local.split(':');
  return selector === undefined ? { name } : { name, selector };
}
