import { AwsError, validationError } from './aws-error.ts';
import { optionalInteger, requiredString, stringList, tagList } from './input.ts';
import type { Kms } from './kms.ts';
import type { Operation, OperationCall, Place } from './operation.ts';
import { parameterArn } from './parameter-names.ts';
import {
  createParameterStore,
  latestVersion,
  type Parameter,
  type ParameterStore,
} from './parameter-store.ts';
import { requestTags, withinTagLimit } from './parameter-tags.ts';
import { createPutParameter, type PutRules } from './ssm-put.ts';
import { authorizeNames, createReadOperations } from './ssm-read.ts';

const maxLabelsPerVersion = 10;

/** Parameter Store: its state for tests to look at, and its operations for the wire. */
export interface Ssm {
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly rules: PutRules;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** Makes an empty Parameter Store. */
export function createSsm(place: Place, kms: Kms): Ssm {
  const store = createParameterStore(place);
  const rules: PutRules = { typeChange: 'refused' };
  return {
    get parameters() {
      return store.parameters;
    },
    rules,
    operations: {
      ...createReadOperations(store, kms),
      PutParameter: createPutParameter(store, kms, rules),
      DeleteParameter(input, call) {
        const name = requiredString(input, 'Name');
        authorizeNames('ssm:DeleteParameter', [name], store, call);
        if (!store.parameters.has(name)) throw new AwsError('ParameterNotFound');
        store.remove(name);
        return {};
      },
      DeleteParameters(input, call) {
        const names = stringList(input, 'Names', { min: 1, max: 10 });
        authorizeNames('ssm:DeleteParameters', names, store, call);
        const deleted = names.filter((name) => store.parameters.has(name));
        for (const name of deleted) store.remove(name);
        return {
          DeletedParameters: deleted,
          InvalidParameters: names.filter((name) => !deleted.includes(name)),
        };
      },
      LabelParameterVersion: labelParameterVersion(store),
      ...createTagOperations(store),
    },
  };
}

function labelParameterVersion(store: ParameterStore): Operation {
  return (input, call) => {
    const name = requiredString(input, 'Name');
    authorizeNames('ssm:LabelParameterVersion', [name], store, call);
    const parameter = store.parameters.get(name);
    if (!parameter) throw new AwsError('ParameterNotFound');
    const target = optionalInteger(input, 'ParameterVersion') ?? latestVersion(parameter).version;
    if (!parameter.versions.some(({ version }) => version === target)) {
      throw new AwsError(
        'ParameterVersionNotFound',
        `Systems Manager could not find version ${target} of ${name}. Verify the version and try again.`,
      );
    }
    const labels = stringList(input, 'Labels', { min: 1, max: maxLabelsPerVersion });
    const valid = labels.filter((label) => /^(?!aws|ssm|\d)[\w.-]{1,100}$/i.test(label));
    const versions = parameter.versions.map((version) => {
      const others = version.labels.filter((label) => !valid.includes(label));
      return { ...version, labels: version.version === target ? [...others, ...valid] : others };
    });
    if (versions.some((version) => version.labels.length > maxLabelsPerVersion)) {
      throw new AwsError(
        'ParameterVersionLabelLimitExceeded',
        `A parameter version can have a maximum of ${maxLabelsPerVersion} labels. Move one or more labels to another version and try again.`,
      );
    }
    store.set({ ...parameter, versions });
    return { InvalidLabels: labels.filter((label) => !valid.includes(label)), ParameterVersion: target };
  };
}

function createTagOperations(store: ParameterStore): Record<string, Operation> {
  const tagged = (
    action: string,
    input: Record<string, unknown>,
    call: OperationCall,
    tags: ReadonlyMap<string, string> = new Map(),
  ): Parameter => {
    if (requiredString(input, 'ResourceType') !== 'Parameter') {
      throw validationError('Only tags of parameters are emulated.');
    }
    const name = requiredString(input, 'ResourceId');
    call.authorize({ action, resource: parameterArn(store.place, name), context: requestTags(tags) });
    const parameter = store.parameters.get(name);
    if (!parameter)
      throw new AwsError('InvalidResourceId', 'The resource ID is not valid. Verify it and try again.');
    return parameter;
  };
  return {
    AddTagsToResource(input, call) {
      const added = tagList(input);
      const parameter = tagged('ssm:AddTagsToResource', input, call, added);
      store.set({ ...parameter, tags: withinTagLimit(new Map([...parameter.tags, ...added])) });
      return {};
    },
    RemoveTagsFromResource(input, call) {
      const parameter = tagged('ssm:RemoveTagsFromResource', input, call);
      const keys = stringList(input, 'TagKeys', { min: 1, max: 50 });
      store.set({ ...parameter, tags: new Map([...parameter.tags].filter(([key]) => !keys.includes(key))) });
      return {};
    },
    ListTagsForResource(input, call) {
      const parameter = tagged('ssm:ListTagsForResource', input, call);
      return { TagList: [...parameter.tags].map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}
