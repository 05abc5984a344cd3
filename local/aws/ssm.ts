import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AwsError, constraintError, validationError } from './aws-error.ts';
import type { Kms } from './kms.ts';
import { type JsonObject, type Operation, type OperationCall, operation, type Place } from './operation.ts';

const STANDARD_BYTES = 4096;
const ADVANCED_BYTES = 8192;

const parameterType = z.enum(['String', 'StringList', 'SecureString']);
const WithDecryption = z.boolean().default(false);
const Name = z.string().min(1).max(2048);
const Names = z.array(Name).min(1).max(10);

/** `[{Key, Value}]`, of 1 to 128 and 0 to 256 characters, as a map. */
const Tags = z
  .array(z.object({ Key: z.string(), Value: z.string() }))
  .default([])
  .transform((tags) => new Map(tags.map(({ Key, Value }) => [Key, Value])))
  .refine((tags) =>
    [...tags].every(
      ([key, value]) =>
        /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu.test(key) &&
        /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value),
    ),
  );

/** One stored version. */
interface ParameterVersion {
  readonly version: number;
  readonly type: z.output<typeof parameterType>;
  readonly value: string;
  readonly tier: 'Standard' | 'Advanced';
  /** ARN or alias of the KMS key, SecureString only. */
  readonly keyId: string | undefined;
  readonly lastModifiedDate: Date;
}

/** A parameter with its versions, oldest first; there is always one. */
interface Parameter {
  readonly name: string;
  readonly versions: readonly ParameterVersion[];
  readonly tags: ReadonlyMap<string, string>;
}

/**
 * Makes an empty Parameter Store, with the operations that the function, the jobs and the runbook call.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
export function createSsm(place: Place, kms: Kms) {
  const parameters = new Map<string, Parameter>();
  /** Of the account. */
  const quota = { standardParameters: 10_000 };

  const operations: Record<string, Operation> = {
    PutParameter: operation(
      {
        Name,
        Value: z.string().min(1),
        Type: parameterType.optional(),
        Tier: z.literal('Intelligent-Tiering').optional(),
        KeyId: z
          .string()
          .regex(/^[a-zA-Z0-9:/_-]{1,256}$/)
          .optional(),
        Overwrite: z.boolean().default(false),
        Tags,
      },
      (input, call) => {
        const { Name: name, Value: value, Overwrite: isOverwrite, Tags: tags } = input;
        const arn = arnOf(name);
        const context = { 'ssm:Overwrite': String(isOverwrite), ...requestTags(tags) };
        call.authorize({ action: 'ssm:PutParameter', resource: arn, context });
        if (tags.size > 0)
          call.authorize({ action: 'ssm:AddTagsToResource', resource: arn, context: requestTags(tags) });
        if (isOverwrite && tags.size > 0) {
          throw validationError(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
          );
        }
        const { versions = [], tags: ownTags = tags } = parameters.get(name) ?? {};
        const latest = versions.at(-1);
        const type = input.Type ?? latest?.type;
        if (type === undefined)
          throw validationError('A parameter type is required when you create a parameter.');
        if (latest && !isOverwrite) {
          throw new AwsError(
            'ParameterAlreadyExists',
            'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
          );
        }
        // As the documentation says. Terraform's acceptance tests show AWS accepting another type.
        if (latest && latest.type !== type)
          throw new AwsError('HierarchyTypeMismatchException', `${name} is a ${latest.type}.`);
        const tier = tierOf(input.Tier !== undefined, Buffer.byteLength(value), latest);
        const keyId = type === 'SecureString' ? (input.KeyId ?? 'alias/aws/ssm') : undefined;
        // An advanced parameter has envelope encryption: its data key needs a second permission.
        const actions = tier === 'Advanced' ? ['kms:GenerateDataKey', 'kms:Encrypt'] : ['kms:Encrypt'];
        if (keyId) useKey(arn, keyId, actions, call);
        const version = (latest?.version ?? 0) + 1;
        const stored = { version, type, value, tier, keyId, lastModifiedDate: call.now };
        parameters.set(name, { name, versions: [...versions, stored], tags: ownTags });
        return { Version: version, Tier: tier };
      },
    ),

    GetParameter: operation({ Name, WithDecryption }, (input, call) => {
      authorize('GetParameter', [input.Name], call);
      return { Parameter: describe(existing(input.Name), input.WithDecryption, call) };
    }),

    GetParameters: operation({ Names, WithDecryption }, (input, call) => {
      const names = [...new Set(input.Names)].sort();
      authorize('GetParameters', names, call);
      const found = names.filter((name) => find(name) !== undefined);
      return {
        Parameters: found.map((name) => describe(existing(name), input.WithDecryption, call)),
        InvalidParameters: names.filter((name) => !found.includes(name)),
      };
    }),

    GetParametersByPath: operation({ Path: z.string(), Recursive: z.literal(true) }, (input, call) => {
      authorize('GetParametersByPath', [input.Path], call);
      const found = [...parameters.values()].filter(({ name }) => name.startsWith(`${input.Path}/`));
      return { Parameters: found.map((parameter) => describe(parameter, false, call)) };
    }),

    GetParameterHistory: operation({ Name, WithDecryption }, (input, call) => {
      authorize('GetParameterHistory', [input.Name], call);
      const { name, versions, tags } = existing(input.Name);
      return {
        Parameters: versions.map((version) => {
          const one = { name, versions: [version], tags };
          const { ARN: _, ...described } = describe(one, input.WithDecryption, call);
          return described;
        }),
      };
    }),

    DeleteParameter: operation({ Name }, (input, call) => {
      authorize('DeleteParameter', [input.Name], call);
      parameters.delete(existing(input.Name).name);
      return {};
    }),

    DeleteParameters: operation({ Names }, (input, call) => {
      authorize('DeleteParameters', input.Names, call);
      const deleted = input.Names.filter((name) => parameters.delete(name));
      return {
        DeletedParameters: deleted,
        InvalidParameters: input.Names.filter((name) => !deleted.includes(name)),
      };
    }),

    AddTagsToResource: operation(
      { ResourceType: z.literal('Parameter'), ResourceId: z.string(), Tags },
      (input, call) => {
        if (input.Tags.size === 0) throw constraintError('tags', 'Member must not be null');
        const resource = arnOf(input.ResourceId);
        call.authorize({ action: 'ssm:AddTagsToResource', resource, context: requestTags(input.Tags) });
        const parameter = parameters.get(input.ResourceId);
        if (parameter === undefined) throw new AwsError('InvalidResourceId');
        parameters.set(parameter.name, { ...parameter, tags: new Map([...parameter.tags, ...input.Tags]) });
        return {};
      },
    ),
  };

  return { quota, parameters: parameters as ReadonlyMap<string, Parameter>, operations };

  function arnOf(name: string): string {
    return `arn:aws:ssm:${place.region}:${place.accountId}:parameter${name.startsWith('/') ? '' : '/'}${name}`;
  }

  /** Checks one permission for every name of a request, each on its own ARN. */
  function authorize(action: string, names: readonly string[], call: OperationCall): void {
    for (const name of names)
      call.authorize({ action: `ssm:${action}`, resource: arnOf(name.replace(/:\d+$/, '')) });
  }

  /** Finds a parameter by name, or one version of it (`name:3`), which is the newest one of what it returns. */
  function find(reference: string): Parameter | undefined {
    const [name = '', version] = reference.split(':');
    const parameter = parameters.get(name);
    if (parameter === undefined || version === undefined) return parameter;
    const versions = parameter.versions.filter((one) => String(one.version) === version);
    return versions.length === 0 ? undefined : { ...parameter, versions };
  }

  /** @throws AwsError `ParameterNotFound` */
  function existing(reference: string): Parameter {
    const parameter = find(reference);
    if (parameter === undefined) throw new AwsError('ParameterNotFound');
    return parameter;
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

  function describe({ name, versions }: Parameter, decrypt: boolean, call: OperationCall): JsonObject {
    const arn = arnOf(name);
    const { version, type, value, keyId, lastModifiedDate } = versions.at(-1) as ParameterVersion;
    if (keyId && decrypt) useKey(arn, keyId, ['kms:Decrypt'], call);
    return {
      Name: name,
      Type: type,
      // Looks like a KMS ciphertext, and contains nothing of the value.
      Value: keyId && !decrypt ? `AQICAHh${randomBytes(150).toString('base64')}` : value,
      Version: version,
      LastModifiedDate: lastModifiedDate.getTime() / 1000,
      ARN: arn,
      DataType: 'text',
    };
  }

  function tierOf(
    isIntelligent: boolean,
    bytes: number,
    latest: ParameterVersion | undefined,
  ): ParameterVersion['tier'] {
    const wasAdvanced = latest?.tier === 'Advanced';
    const [tier, limit] =
      isIntelligent || wasAdvanced ? ['Advanced', ADVANCED_BYTES] : ['Standard', STANDARD_BYTES];
    if (bytes > limit)
      throw validationError(
        `${tier} tier parameters support a maximum parameter value of ${limit} characters.`,
      );
    const standard = [...parameters.values()].filter(({ versions }) => versions.at(-1)?.tier === 'Standard');
    const isFull = latest === undefined && standard.length >= quota.standardParameters;
    return wasAdvanced || bytes > STANDARD_BYTES || (isIntelligent && isFull) ? 'Advanced' : 'Standard';
  }
}

function requestTags(tags: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...tags].map(([key, value]) => [`aws:RequestTag/${key}`, value]));
}
