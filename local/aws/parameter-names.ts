import { AwsError, validationError } from './aws-error.ts';
import type { Place } from './operation.ts';

const MAX_LEVELS = 15;
const MAX_ARN_LENGTH = 1011;

/** Gives the ARN of a parameter; a name with and without leading slash gives the same form. */
export function parameterArn(place: Place, name: string): string {
  return `arn:aws:ssm:${place.region}:${place.accountId}:parameter${name.startsWith('/') ? '' : '/'}${name}`;
}

/**
 * Checks the name of a parameter that is to be created.
 *
 * @throws AwsError `ValidationException`, `AccessDeniedException` (reserved `/aws` hierarchy) or
 *   `HierarchyLevelLimitExceededException`
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
 */
export function checkNewName(place: Place, name: string): void {
  if (name.includes('/') && !name.startsWith('/'))
    throw validationError('Parameter name must be a fully qualified name.');
  const levels = name.split('/').slice(name.startsWith('/') ? 1 : 0);
  const isHierarchy = levels.length > 1;
  if (isHierarchy && /^\/aws/i.test(name))
    throw new AwsError('AccessDeniedException', `No access to reserved parameter name: ${name}.`);
  if (/^\/?(aws|ssm)/i.test(name) || levels.some((level) => !/^[\w.-]+$/.test(level))) {
    throw validationError(
      isHierarchy
        ? 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_'
        : 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive). Only a mix of letters, numbers and the following 3 symbols .-_ are allowed.',
    );
  }
  if (levels.length > MAX_LEVELS) {
    throw new AwsError(
      'HierarchyLevelLimitExceededException',
      `Parameter hierarchies are limited to a maximum depth of ${MAX_LEVELS} levels; ${name} has ${levels.length}.`,
    );
  }
  const { length } = parameterArn(place, name);
  if (length > MAX_ARN_LENGTH) {
    throw validationError(
      `Parameter name is too long: its ARN may have ${MAX_ARN_LENGTH} characters at most, and has ${length}.`,
    );
  }
}

/** A reference to a parameter in a read: `name`, `name:3`, `name:label`, or an ARN with or without selector. */
export interface ParameterReference {
  readonly name: string;
  /** A version number or a label. */
  readonly selector?: string;
}

/** Splits a reference. */
export function parseReference(text: string): ParameterReference {
  const marker = ':parameter/';
  const local = text.startsWith('arn:') ? text.slice(text.indexOf(marker) + marker.length - 1) : text;
  const [name = '', selector] = local.split(':');
  return selector === undefined ? { name } : { name, selector };
}
