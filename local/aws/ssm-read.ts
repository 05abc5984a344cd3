import { AwsError, validationError } from './aws-error.ts';
import { epochSeconds, flag, optionalInteger, optionalString, requiredString, stringList } from './input.ts';
import type { Kms } from './kms.ts';
import type { JsonObject, Operation, OperationCall } from './operation.ts';
import { parameterArn, parseReference } from './parameter-names.ts';
import {
  type FoundVersion,
  findVersion,
  latestVersion,
  type Parameter,
  type ParameterStore,
} from './parameter-store.ts';

/**
 * Makes the operations that read parameters.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
export function createReadOperations(store: ParameterStore, kms: Kms): Record<string, Operation> {
  return {
    GetParameter(input, call) {
      const text = requiredString(input, 'Name');
      authorizeNames('ssm:GetParameter', [text], store, call);
      const found = findVersion(store.view(call), text);
      return { Parameter: describeValue(found, flag(input, 'WithDecryption'), store, kms, call) };
    },

    GetParameters(input, call) {
      const names = stringList(input, 'Names', { min: 1, max: 10 });
      authorizeNames('ssm:GetParameters', names, store, call);
      const found: FoundVersion[] = [];
      const invalid: string[] = [];
      for (const name of new Set(names)) {
        try {
          found.push(findVersion(store.view(call), name));
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
          invalid.push(name);
        }
      }
      found.sort((a, b) => (a.name < b.name ? -1 : 1));
      const decrypt = flag(input, 'WithDecryption');
      return {
        Parameters: found.map((version) => describeValue(version, decrypt, store, kms, call)),
        InvalidParameters: invalid,
      };
    },

    GetParametersByPath(input, call) {
      const path = requiredString(input, 'Path').replace(/(.)\/$/, '$1');
      if (!path.startsWith('/')) {
        throw validationError(
          'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward slash "/".',
        );
      }
      const recursive = flag(input, 'Recursive');
      call.authorize({
        action: 'ssm:GetParametersByPath',
        resource: parameterArn(store.place, path === '/' ? '/' : `${path}/`).replace(/\/$/, ''),
        context: { 'ssm:Recursive': String(recursive) },
      });
      const prefix = path === '/' ? '/' : `${path}/`;
      const matching = sorted(store.view(call)).filter(({ name }) => {
        const full = name.startsWith('/') ? name : `/${name}`;
        return full.startsWith(prefix) && (recursive || !full.slice(prefix.length).includes('/'));
      });
      const { page, next } = paginate(matching, input, 10);
      const decrypt = flag(input, 'WithDecryption');
      return {
        Parameters: page.map((parameter) =>
          describeValue(
            { name: parameter.name, version: latestVersion(parameter) },
            decrypt,
            store,
            kms,
            call,
          ),
        ),
        ...next,
      };
    },

    GetParameterHistory(input, call) {
      const name = requiredString(input, 'Name');
      authorizeNames('ssm:GetParameterHistory', [name], store, call);
      const parameter = store.view(call).get(parseReference(name).name);
      if (!parameter) throw new AwsError('ParameterNotFound');
      const { page, next } = paginate(parameter.versions, input, 50);
      const decrypt = flag(input, 'WithDecryption');
      return {
        Parameters: page.map((version) => {
          const { ARN: _, ...described } = describeValue(
            { name: parameter.name, version },
            decrypt,
            store,
            kms,
            call,
          );
          return { ...described, ...describeMetadata(parameter, version), Labels: version.labels };
        }),
        ...next,
      };
    },

    DescribeParameters(input, call) {
      const { region, accountId } = store.place;
      call.authorize({ action: 'ssm:DescribeParameters', resource: `arn:aws:ssm:${region}:${accountId}:*` });
      const matching = sorted(store.view(call)).filter((parameter) => matchesFilters(parameter, input));
      const { page, next } = paginate(matching, input, 50);
      return {
        Parameters: page.map((parameter) => ({
          ...describeMetadata(parameter, latestVersion(parameter)),
          ARN: parameterArn(store.place, parameter.name),
        })),
        ...next,
      };
    },
  };
}

/** Checks one permission for every name of a request, each on its own ARN. */
export function authorizeNames(
  action: string,
  names: readonly string[],
  store: ParameterStore,
  call: OperationCall,
): void {
  for (const name of new Set(names)) {
    call.authorize({ action, resource: parameterArn(store.place, parseReference(name).name) });
  }
}

function describeValue(
  { name, version, selectorText }: FoundVersion,
  decrypt: boolean,
  store: ParameterStore,
  kms: Kms,
  call: OperationCall,
): JsonObject {
  const arn = parameterArn(store.place, name);
  let value = version.value;
  if (version.type === 'SecureString' && version.keyId) {
    if (decrypt) {
      kms.use({
        actions: ['kms:Decrypt'],
        keyId: version.keyId,
        service: 'ssm',
        encryptionContext: { PARAMETER_ARN: arn },
        unusable: 'InvalidKeyId',
        call,
      });
    } else {
      value = store.ciphertext(name, version);
    }
  }
  return {
    Name: name,
    Type: version.type,
    Value: value,
    Version: version.version,
    ...(selectorText ? { Selector: selectorText } : {}),
    LastModifiedDate: epochSeconds(version.lastModifiedDate),
    ARN: arn,
    DataType: 'text',
  };
}

function describeMetadata(parameter: Parameter, version: Parameter['versions'][number]): JsonObject {
  return {
    Name: parameter.name,
    Type: version.type,
    ...(version.keyId ? { KeyId: version.keyId } : {}),
    LastModifiedDate: epochSeconds(version.lastModifiedDate),
    LastModifiedUser: version.lastModifiedUser,
    ...(version.description === undefined ? {} : { Description: version.description }),
    ...(version.allowedPattern === undefined ? {} : { AllowedPattern: version.allowedPattern }),
    Version: version.version,
    Tier: version.tier,
    Policies: [],
    DataType: 'text',
  };
}

function matchesFilters(parameter: Parameter, input: JsonObject): boolean {
  const filters = [...listOf(input.ParameterFilters), ...listOf(input.Filters)];
  return filters.every((filter) => {
    const key = requiredString(filter, 'Key');
    const option = optionalString(filter, 'Option') ?? 'Equals';
    const values = stringList(filter, 'Values', { min: 1, max: 50 });
    const actual = {
      Name: parameter.name,
      Type: latestVersion(parameter).type,
      Tier: latestVersion(parameter).tier,
    };
    if (!(key in actual)) throw new AwsError('InvalidFilterKey', `The filter key ${key} is not emulated.`);
    const text = actual[key as keyof typeof actual];
    return values.some((value) => {
      if (option === 'BeginsWith') return text.startsWith(value);
      if (option === 'Contains') return text.includes(value);
      return text === value;
    });
  });
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value : [];
}

function sorted(parameters: ReadonlyMap<string, Parameter>): Parameter[] {
  return [...parameters.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function paginate<Item>(items: readonly Item[], input: JsonObject, defaultSize: number) {
  const size = optionalInteger(input, 'MaxResults') ?? defaultSize;
  if (size < 1 || size > defaultSize) {
    throw validationError(
      `1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value between 1 and ${defaultSize}`,
    );
  }
  const token = optionalString(input, 'NextToken');
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(start)) throw new AwsError('InvalidNextToken', 'The specified token is not valid.');
  const end = start + size;
  return {
    page: items.slice(start, end),
    next: end < items.length ? { NextToken: String(end) } : {},
  };
}
