import { constraintError, validationError } from './aws-error.ts';
import type { JsonObject } from './operation.ts';

/** Reads a required string member. @throws AwsError `ValidationException` */
export function requiredString(input: JsonObject, member: string): string {
  const value = optionalString(input, member);
  if (value === undefined) throw constraintError(memberPath(member), 'Member must not be null');
  return value;
}

/** Reads an optional string member. @throws AwsError `ValidationException` when it has another type */
export function optionalString(input: JsonObject, member: string): string | undefined {
  const value = input[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw validationError(`${member} must be a string`);
  return value;
}

/** Reads an optional boolean member, false when absent. @throws AwsError `ValidationException` */
export function flag(input: JsonObject, member: string): boolean {
  const value = input[member];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw validationError(`${member} must be a boolean`);
  return value;
}

/** Reads an optional whole number. @throws AwsError `ValidationException` */
export function optionalInteger(input: JsonObject, member: string): number | undefined {
  const value = input[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw validationError(`${member} must be a whole number`);
  }
  return value;
}

/** Reads a list of strings, within its limits. @throws AwsError `ValidationException` */
export function stringList(
  input: JsonObject,
  member: string,
  limits: { min: number; max: number },
): string[] {
  const value = input[member];
  if (value === undefined || value === null)
    throw constraintError(memberPath(member), 'Member must not be null');
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw validationError(`${member} must be a list of strings`);
  }
  if (value.length > limits.max) {
    throw constraintError(memberPath(member), `Member must have length less than or equal to ${limits.max}`);
  }
  if (value.length < limits.min) {
    throw constraintError(
      memberPath(member),
      `Member must have length greater than or equal to ${limits.min}`,
    );
  }
  return value;
}

/** Reads `[{Key, Value}]`. @throws AwsError `ValidationException` */
export function tagList(input: JsonObject, member = 'Tags'): ReadonlyMap<string, string> {
  const value = input[member] ?? [];
  if (!Array.isArray(value)) throw validationError(`${member} must be a list`);
  const tags = new Map(
    value.map((tag: JsonObject) => [requiredString(tag, 'Key'), requiredString(tag, 'Value')] as const),
  );
  for (const [key, text] of tags) {
    const isTag = tagText(key, 128) && key !== '' && !/^aws:/i.test(key) && tagText(text, 256);
    if (!isTag)
      throw constraintError('tags', 'Member must be a key of 1 to 128 and a value of 0 to 256 characters');
  }
  return tags;
}

function tagText(text: string, max: number): boolean {
  return text.length <= max && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(text);
}

/** Writes a date as AWS JSON does: seconds since 1970, with milliseconds as the fraction. */
export function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}

function memberPath(member: string): string {
  return member.charAt(0).toLowerCase() + member.slice(1);
}
