import { createHmac, randomBytes } from 'node:crypto';
import { AwsError } from './aws-error.ts';
import { createNamedItems } from './named-items.ts';
import type { Place } from './operation.ts';
import { type ParameterReference, parseReference } from './parameter-names.ts';

export type ParameterType = 'String' | 'StringList' | 'SecureString';
export type ParameterTier = 'Standard' | 'Advanced';

/** One stored version. It is never changed in place, so that a snapshot of the store does not change. */
export interface ParameterVersion {
  readonly version: number;
  readonly type: ParameterType;
  readonly value: string;
  readonly tier: ParameterTier;
  /** ARN or alias of the KMS key, SecureString only. */
  readonly keyId?: string;
  readonly description?: string;
  readonly allowedPattern?: string;
  readonly labels: readonly string[];
  readonly lastModifiedDate: Date;
  readonly lastModifiedUser: string;
}

/** A parameter with its kept versions, oldest first. */
export interface Parameter {
  readonly name: string;
  readonly versions: readonly ParameterVersion[];
  readonly tags: ReadonlyMap<string, string>;
}

/** The parameters of the account, and how they were before the last write. */
export interface ParameterStore {
  readonly place: Place;
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** The state that a read sees: the present one, or (`stale`) the one before the last write. */
  view(options: { stale: boolean }): ReadonlyMap<string, Parameter>;
  set(parameter: Parameter): void;
  remove(name: string): void;
  /** The value of a SecureString without decryption: looks like a KMS ciphertext, and contains nothing of the value. */
  ciphertext(name: string, version: ParameterVersion): string;
}

/** Makes an empty parameter store. */
export function createParameterStore(place: Place): ParameterStore {
  const { items, view, set, remove } = createNamedItems<Parameter>();
  const ciphertextKey = randomBytes(32);
  return {
    place,
    get parameters() {
      return items();
    },
    view,
    set,
    remove,
    ciphertext(name, version) {
      const digest = createHmac('sha512', ciphertextKey).update(`${name}\n${version.version}`).digest();
      const blocks = Math.ceil(Buffer.byteLength(version.value) / digest.length) + 2;
      return `AQICAHh${Buffer.concat(Array(blocks).fill(digest)).toString('base64')}`;
    },
  };
}

/** Gives the newest version. A parameter always has one. */
export function latestVersion(parameter: Parameter): ParameterVersion {
  const latest = parameter.versions.at(-1);
  if (!latest) throw new Error(`parameter ${parameter.name} has no version`);
  return latest;
}

/** A found version, and the selector of the request. */
export interface FoundVersion {
  readonly name: string;
  readonly version: ParameterVersion;
  readonly selectorText?: string;
}

/**
 * Finds the version that `name`, `name:version` or `name:label` means.
 *
 * @throws AwsError `ParameterNotFound` or `ParameterVersionNotFound`
 */
export function findVersion(parameters: ReadonlyMap<string, Parameter>, text: string): FoundVersion {
  const reference = parseReference(text);
  const parameter = parameters.get(reference.name);
  if (!parameter) throw new AwsError('ParameterNotFound');
  const version = selectVersion(parameter, reference);
  const { selectorText } = reference;
  return { name: parameter.name, version, ...(selectorText ? { selectorText } : {}) };
}

function selectVersion(parameter: Parameter, { selector }: ParameterReference): ParameterVersion {
  if (!selector) return latestVersion(parameter);
  const found = parameter.versions.find((version) =>
    'version' in selector ? version.version === selector.version : version.labels.includes(selector.label),
  );
  if (found) return found;
  throw new AwsError(
    'ParameterVersionNotFound',
    'version' in selector
      ? `Systems Manager could not find version ${selector.version} of ${parameter.name}. Verify the version and try again.`
      : `Systems Manager could not find the label ${selector.label} for parameter ${parameter.name}. Verify the label and try again.`,
  );
}
