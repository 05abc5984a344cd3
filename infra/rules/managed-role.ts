/** Whether a service of AWS made this role for itself: no person's job has it, and IAM attaches no policy to it. */
export function isServiceLinked(arn: string): boolean {
  return /:role\/aws-service-role\//.test(arn);
}

/** Whether AWS manages this role, as it does those of permission sets: IAM attaches no policy to it. */
export function isManagedByAws(arn: string): boolean {
  return isServiceLinked(arn) || /:role\/(aws-reserved\/|(.*\/)?AWSReservedSSO_)/.test(arn);
}
