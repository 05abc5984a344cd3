import { AwsError, validationError } from './aws-error.ts';
import type { Place } from './operation.ts';

const maxLevels = 15;
const maxArnLength = 1011;
const maxLength = 2048;

/** The part after the colon: a version number or a label. */
export type Selector = { readonly version: number } | { readonly label: string };

/** A reference to a parameter in a read operation. */
export interface ParameterReference {
  readonly name: string;
  readonly selector?: Selector;
  /** The selector as written, with its colon. */
  readonly selectorText?: string;
}

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
  if (name.length < 1 || name.length > maxLength) {
    throw validationError(
      `1 validation error detected: Value at 'name' failed to satisfy constraint: Member must have length between 1 and ${maxLength}`,
    );
  }
  if (name.includes('/') && !name.startsWith('/')) {
    throw validationError('Parameter name must be a fully qualified name.');
  }
  const levels = name.split('/').slice(name.startsWith('/') ? 1 : 0);
  const isHierarchy = levels.length > 1;
  if (isHierarchy && /^\/aws/i.test(name)) {
    throw new AwsError('AccessDeniedException', `No access to reserved parameter name: ${name}.`);
  }
  if (/^\/?(aws|ssm)/i.test(name) || levels.some((level) => !/^[\w.-]+$/.test(level))) {
    throw validationError(
      isHierarchy
        ? 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_'
        : 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive). Only a mix of letters, numbers and the following 3 symbols .-_ are allowed.',
    );
  }
  if (levels.length > maxLevels) {
    throw new AwsError(
      'HierarchyLevelLimitExceededException',
      `Parameter hierarchies are limited to a maximum depth of ${maxLevels} levels; ${name} has ${levels.length}.`,
    );
  }
  if (parameterArn(place, name).length > maxArnLength) {
    throw validationError(
      `Parameter name is too long: its ARN may have ${maxArnLength} characters at most, and has ${parameterArn(place, name).length}.`,
    );
  }
}

/** Splits `name`, `name:3`, `name:label` or a parameter's ARN with or without selector. */
export function parseReference(text: string): ParameterReference {
  const local = text.startsWith('arn:')
    ? text.slice(text.indexOf(':parameter/') + ':parameter'.length)
    : text;
  const colon = local.indexOf(':');
  if (colon < 0) return { name: local };
  const written = local.slice(colon + 1);
  const selector = /^\d+$/.test(written) ? { version: Number(written) } : { label: written };
  return { name: local.slice(0, colon), selector, selectorText: `:${written}` };
}
