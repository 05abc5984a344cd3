import { AwsError, constraintError, validationError } from './aws-error.ts';
import { flag, optionalString, requiredString, tagList } from './input.ts';
import type { Kms } from './kms.ts';
import type { JsonObject, Operation } from './operation.ts';
import { checkNewName, parameterArn } from './parameter-names.ts';
import {
  latestVersion,
  type Parameter,
  type ParameterStore,
  type ParameterTier,
  type ParameterType,
  type ParameterVersion,
} from './parameter-store.ts';
import { requestTags, taggingPermission, withinTagLimit } from './parameter-tags.ts';

const maxVersions = 100;
const standardTierBytes = 4096;
const advancedTierBytes = 8192;
const types: readonly string[] = ['String', 'StringList', 'SecureString'];
const tiers: readonly string[] = ['Standard', 'Advanced', 'Intelligent-Tiering'];
const tierPage =
  'For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html';

/** Settings for cases in which AWS's documentation and its behaviour differ. */
export interface PutRules {
  /**
   * Whether overwriting may change the type. The documentation refuses it (`HierarchyTypeMismatchException`), which
   * is the default here; Terraform's acceptance tests show the service accepting it.
   */
  typeChange: 'refused' | 'accepted';
}

/**
 * Makes PutParameter.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 */
export function createPutParameter(store: ParameterStore, kms: Kms, rules: PutRules): Operation {
  return (input, call) => {
    const name = requiredString(input, 'Name').trim();
    const value = requiredString(input, 'Value');
    checkNewName(store.place, name);
    const arn = parameterArn(store.place, name);
    const overwrite = flag(input, 'Overwrite');
    call.authorize({
      action: 'ssm:PutParameter',
      resource: arn,
      context: { 'ssm:Overwrite': String(overwrite), ...requestTags(tagList(input)) },
    });
    const tags = withinTagLimit(tagList(input));
    if (tags.size > 0) call.authorize(taggingPermission(arn, tags));
    if (overwrite && tags.size > 0) {
      throw validationError(
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
      );
    }
    if (input.Policies !== undefined && input.Policies !== '') {
      throw validationError('Parameter policies are not emulated by this endpoint.');
    }
    const existing = store.parameters.get(name);
    const type = decideType(input, existing, rules);
    checkValue(value, input);
    if (existing && !overwrite) {
      throw new AwsError(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      );
    }
    const tier = decideTier(optionalString(input, 'Tier'), Buffer.byteLength(value), existing);
    const keyId = decideKey(input, type);
    const kept = dropOldest(existing);
    if (keyId) {
      kms.use({
        // An advanced parameter has envelope encryption: its data key needs a second permission.
        actions: tier === 'Advanced' ? ['kms:GenerateDataKey', 'kms:Encrypt'] : ['kms:Encrypt'],
        keyId,
        service: 'ssm',
        encryptionContext: { PARAMETER_ARN: arn },
        unusable: 'InvalidKeyId',
        call,
      });
    }
    const description = optionalString(input, 'Description');
    const allowedPattern = optionalString(input, 'AllowedPattern');
    const version: ParameterVersion = {
      version: existing ? latestVersion(existing).version + 1 : 1,
      type,
      value,
      tier,
      ...(keyId ? { keyId } : {}),
      ...(description === undefined ? {} : { description }),
      ...(allowedPattern === undefined ? {} : { allowedPattern }),
      labels: [],
      lastModifiedDate: call.now,
      lastModifiedUser: call.principal.arn,
    };
    store.set({ name, versions: [...kept, version], tags: existing?.tags ?? tags });
    return { Version: version.version, Tier: tier };
  };
}

function decideType(input: JsonObject, existing: Parameter | undefined, rules: PutRules): ParameterType {
  const type = optionalString(input, 'Type') ?? (existing && latestVersion(existing).type);
  if (type === undefined) throw validationError('A parameter type is required when you create a parameter.');
  if (!isParameterType(type)) {
    throw constraintError('type', `Member must satisfy enum value set: [${types.join(', ')}]`);
  }
  if (existing && rules.typeChange === 'refused' && latestVersion(existing).type !== type) {
    throw new AwsError(
      'HierarchyTypeMismatchException',
      `Parameter Store doesn't support changing a parameter type in a hierarchy: ${existing.name} is a ${latestVersion(existing).type}.`,
    );
  }
  return type;
}

function isParameterType(type: string): type is ParameterType {
  return types.includes(type);
}

function checkValue(value: string, input: JsonObject): void {
  if (value === '') throw constraintError('value', 'Member must have length greater than or equal to 1');
  if (/\{\{.*\}\}/s.test(value)) {
    throw validationError('Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.');
  }
  const pattern = optionalString(input, 'AllowedPattern');
  if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    throw new AwsError(
      'ParameterPatternMismatchException',
      `Parameter value, cannot be validated against allowedPattern: ${pattern}`,
    );
  }
}

function decideTier(
  asked: string | undefined,
  bytes: number,
  existing: Parameter | undefined,
): ParameterTier {
  if (asked !== undefined && !tiers.includes(asked)) {
    throw constraintError('tier', `Member must satisfy enum value set: [${tiers.join(', ')}]`);
  }
  const wasAdvanced = existing !== undefined && latestVersion(existing).tier === 'Advanced';
  if (bytes > advancedTierBytes) {
    throw validationError(
      `Advanced tier parameters support a maximum parameter value of ${advancedTierBytes} characters. ${tierPage}`,
    );
  }
  if (asked === 'Advanced') return 'Advanced';
  if (asked === 'Intelligent-Tiering')
    return wasAdvanced || bytes > standardTierBytes ? 'Advanced' : 'Standard';
  // Without a tier in the request an advanced parameter stays one; only an explicit downgrade is refused.
  if (wasAdvanced && asked === undefined) return 'Advanced';
  if (wasAdvanced) {
    throw validationError(
      "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.",
    );
  }
  if (bytes > standardTierBytes) {
    throw validationError(
      `Standard tier parameters support a maximum parameter value of ${standardTierBytes} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. ${tierPage}`,
    );
  }
  return 'Standard';
}

function decideKey(input: JsonObject, type: ParameterType): string | undefined {
  const keyId = optionalString(input, 'KeyId');
  if (type === 'SecureString') return keyId ?? 'alias/aws/ssm';
  if (keyId !== undefined) throw validationError('KeyId is only valid for a parameter of type SecureString.');
  return undefined;
}

function dropOldest(existing: Parameter | undefined): readonly ParameterVersion[] {
  const versions = existing?.versions ?? [];
  const oldest = versions[0];
  if (!existing || !oldest || versions.length < maxVersions) return versions;
  if (oldest.labels.length > 0) {
    throw new AwsError(
      'ParameterMaxVersionLimitExceeded',
      `You attempted to create a new version of ${existing.name} by calling the PutParameter API with the overwrite flag. Version ${oldest.version}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.`,
    );
  }
  return versions.slice(1);
}
