/**
 * Returns a command to paste that invokes a function with `event`. AWS CLI version 2 takes JSON in `--payload` only with an
 * option that version 1 rejects. Both accept `fileb://`.
 */
export function invokeCommand(target: {
  readonly region: string;
  readonly functionName: string;
  readonly event: object;
}): string {
  const { region, functionName, event } = target;
  return `echo '${JSON.stringify(event)}' | aws lambda invoke --region ${region} --function-name ${functionName} --payload fileb:///dev/stdin /dev/stdout`;
}
